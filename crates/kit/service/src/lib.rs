//! What every process of the house shares, and no more: time, metrics, logs, the end, configuration, the admin port.
//!
//! - [`clock`]: the one place that reads the time of day and the monotonic clock.
//! - [`metrics`]: a registry that roles register into, and its text for Prometheus.
//! - [`telemetry`]: logs, for people on a terminal or as JSON.
//! - [`shutdown`]: one signal that ends the process, from Ctrl-C, SIGTERM or the program itself.
//!
//! A role is given these at its start and passes them on; nothing below the binary reads the environment. The
//! crate knows no meeting, no stanza and no packet, and it imports no role.

pub mod clock;
pub mod metrics;
pub mod shutdown;
pub mod telemetry;
