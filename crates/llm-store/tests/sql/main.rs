//! Databases: what every kind does alike, and what each has of its own.

mod entities;
mod migrations;
mod places;
mod postgres;
mod sqlite;
mod statements;
