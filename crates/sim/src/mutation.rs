//! Ways to break the world on purpose: an invariant that cannot fail proves nothing.

/// One fault in the wiring, never in a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// the engine takes appends wherever its journal stands
    NoFence,
    /// an unprotected owner acknowledges what is not durable
    EarlyPromises,
    /// an owner applies entries with a chance of its own
    OwnChance,
    /// an owner ends its meeting when the engine does not answer
    OutageEnds,
    /// shards do not know the tokens that they gave
    LostTokens,
    /// acknowledgements to clients are of one stanza less than was taken
    CountersBack,
    /// routers do not tell how far a client was sent
    NothingTold,
    /// every line of chat is shown twice
    DoubledLines,
    /// who was in the room first is not shown
    HiddenPresence,
    /// every session-initiate comes twice
    DoubledOffers,
    /// a shard tells bridges to expire what it lets go of
    ZombieExpires,
    /// the first router hears nothing of places
    DeafRouter,
}
