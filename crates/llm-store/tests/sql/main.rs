//! Databases: what every kind does alike, and what each has of its own.

mod callers;
mod entities;
mod migrations;
mod million;
mod places;
mod postgres;
mod samples;
mod sqlite;
mod statements;
