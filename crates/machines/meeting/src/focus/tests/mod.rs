//! Scenarios of the focus, in a small world of a room, clients and bridges that are strict about the rules.

mod client;
mod invite;
mod moving;
mod offer;
mod random;
mod recover;
mod requests;
mod sources;
mod stock_bridge;
mod takeover;
mod terminate;
mod world;

use world::World;
