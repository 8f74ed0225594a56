//! What every process of the house shares, and no more: time, metrics, logs, the end, configuration, the admin port.
//!
//! - [`admin`]: the port of operators: health, metrics, nodes and meetings.
//! - [`clock`]: the one place that reads the time of day and the monotonic clock.
//! - [`config`]: one file, variables and flags, checked into types.
//! - [`metrics`]: a registry that roles register into, and its text for Prometheus.
//! - [`telemetry`]: logs, for people on a terminal or as JSON.
//! - [`trust`]: whose certificates are good enough for a connection with TLS.
//! - [`shutdown`]: one signal that ends the process, from Ctrl-C, SIGTERM or the program itself.
//!
//! A role is given these at its start and passes them on; nothing below the binary reads the environment. The
//! crate knows no meeting, no stanza and no packet, and it imports no role.

pub mod admin;
pub mod clock;
pub mod config;
pub mod metrics;
mod process;
pub mod shutdown;
pub mod telemetry;
pub mod trust;
