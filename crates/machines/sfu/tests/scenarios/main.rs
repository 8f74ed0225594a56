//! Meetings over a simulated wire in virtual time: real ICE, DTLS, SRTP and SCTP on both sides, no socket.

mod channel;
mod client;
mod disorder;
mod encoder;
mod heard;
mod hearing;
mod hostile;
mod layers;
mod requests;
mod suspension;
mod wire;
