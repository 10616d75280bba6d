//! The server over real sockets on this machine, in front of a vendor that does what its model is called.

#[cfg(unix)]
mod addresses;
#[cfg(unix)]
mod alerts;
#[cfg(unix)]
mod asks;
mod bodies;
#[cfg(unix)]
mod cache;
#[cfg(unix)]
mod callbacks;
mod client;
mod connections;
#[cfg(unix)]
mod customers;
#[cfg(feature = "dashboard")]
mod dashboard;
#[cfg(unix)]
mod dashboards;
mod draining;
#[cfg(unix)]
mod durable;
mod embedding;
#[cfg(unix)]
mod faults;
mod fixture;
#[cfg(unix)]
mod governed;
#[cfg(unix)]
mod guardrails;
#[cfg(unix)]
mod hangups;
#[cfg(unix)]
mod hooks;
#[cfg(unix)]
mod judged;
#[cfg(unix)]
mod keeping;
#[cfg(unix)]
mod listener;
#[cfg(unix)]
mod litellm_settings;
mod management;
#[cfg(target_os = "linux")]
mod million;
#[cfg(unix)]
mod models;
#[cfg(unix)]
mod modes;
#[cfg(unix)]
mod money;
#[cfg(unix)]
mod nodes;
#[cfg(unix)]
mod notices;
#[cfg(unix)]
mod openapi;
mod organizations;
#[cfg(unix)]
mod own_callbacks;
mod pages;
#[cfg(unix)]
mod privileges;
#[cfg(unix)]
mod program;
#[cfg(unix)]
mod readiness;
mod relay;
mod routes;
#[cfg(unix)]
mod secure;
#[cfg(unix)]
mod spend;
#[cfg(unix)]
mod stored_callbacks;
mod stored_guardrails;
mod stored_prompts;
#[cfg(unix)]
mod stored_settings;
mod streams;
#[cfg(unix)]
mod takeover;
#[cfg(unix)]
mod telemetry;
#[cfg(unix)]
mod tokens;
mod vendor;
#[cfg(unix)]
mod words;
