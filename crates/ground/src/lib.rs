//! What everything stands on: it imports nothing of ours.

pub mod encoding; // bytes as text
pub mod ids; // newtype ids
pub mod sql; // the connection to either database, and the columns they share
pub mod time; // Clock, Entropy, Moment: the only source of time and chance
pub mod values; // checked where they come in
