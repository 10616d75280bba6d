//! Reads a configuration and builds the gateway that it describes.
mod dotenv;
mod environment;
mod files;
mod keys;
mod node;
pub mod report;
pub mod settings;
mod strict;
