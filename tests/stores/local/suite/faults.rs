//! How a store can break its promises, one at a time.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    GetFails,
    InsertOverwrites,
    InsertRaces,
    InsertForgetsTheOwner,
    ReplaceInserts,
    ReplaceIgnoresTheVersion,
    ReplaceRaces,
    ReplaceLosesTheOwner,
    ReplaceKeepsTheLifetime,
    ReplaceDropsALifetime,
    ReplaceIsLost,
    RemoveSaysYes,
    RemoveKeeps,
    RemoveRaces,
    VersionsBeginAnew,
    ValuesAreText,
    ValuesAreShort,
    KeysIgnoreCase,
    KeysEndAtNul,
    KeysAreLong,
    KeysAreAnyLength,
    LifetimesAreWholeSeconds,
    LifetimesAreRoundedUp,
    LifetimesAreIgnored,
    LifetimesStandStill,
    OwnersIgnoreWhatFollowsAColon,
    OwnersAreShort,
    OwnerlessIsEmpty,
    OwnedHasAnEnd,
    OwnedListsTheDead,
    RemoveOwnedCountsNothing,
    RemoveOwnedGoesByOldOwners,
    RemoveOwnedHasAnEnd,
    PurgeTakesAll,
    PeekIsStale,
    WatchNeverBegins,
    WatchIsLate,
    WatchMissesRemoveOwned,
    WatchIsDeafToOthers,
    GetIsStale,
}

/// With a part of what the suite must say.
pub(crate) const FAULTS: &[(Fault, &str)] = &[
    (Fault::GetFails, "it answers: get: out of order"),
    (
        Fault::InsertOverwrites,
        "insert gives None where the key has a record",
    ),
    (
        Fault::InsertRaces,
        "of many inserts of one record one succeeds",
    ),
    (
        Fault::InsertForgetsTheOwner,
        "owned gives the keys and records of an owner",
    ),
    (Fault::ReplaceInserts, "replace inserts nothing"),
    (
        Fault::ReplaceIgnoresTheVersion,
        "replace changes only a record of the version asked for",
    ),
    (
        Fault::ReplaceRaces,
        "of many replaces of one record one succeeds",
    ),
    (
        Fault::ReplaceLosesTheOwner,
        "a replaced record stays its owner's",
    ),
    (Fault::ReplaceKeepsTheLifetime, "is listed as it is now"),
    (Fault::ReplaceDropsALifetime, "is listed as it is now"),
    (Fault::ReplaceIsLost, "get gives what was replaced"),
    (Fault::RemoveSaysYes, "remove says whether there was one"),
    (Fault::RemoveKeeps, "what was removed is gone"),
    (
        Fault::RemoveRaces,
        "of many removes of one record one succeeds",
    ),
    (
        Fault::VersionsBeginAnew,
        "a version is never used again for its key",
    ),
    (
        Fault::ValuesAreText,
        "a value comes back as it was given: every byte",
    ),
    (
        Fault::ValuesAreShort,
        "a value comes back as it was given: 1 MiB",
    ),
    (
        Fault::KeysIgnoreCase,
        "insert succeeds where the key has no record",
    ),
    (
        Fault::KeysEndAtNul,
        "insert succeeds where the key has no record",
    ),
    (
        Fault::KeysAreLong,
        "insert succeeds where the key has no record",
    ),
    (
        Fault::KeysAreAnyLength,
        "a key of more than 512 bytes is an error of the kind Storage",
    ),
    (
        Fault::LifetimesAreWholeSeconds,
        "a record lives as long as it was given, less than a second too",
    ),
    (
        Fault::LifetimesAreRoundedUp,
        "what expired is gone from every answer at once",
    ),
    (
        Fault::LifetimesAreIgnored,
        "a replaced record stays its owner's, and is listed as it is now",
    ),
    (
        Fault::LifetimesStandStill,
        "a record says what is left of its lifetime",
    ),
    (
        Fault::OwnersIgnoreWhatFollowsAColon,
        "an owner is any text at all",
    ),
    (Fault::OwnersAreShort, "an owner is any text at all"),
    (
        Fault::OwnerlessIsEmpty,
        "the empty text is not kept apart from nobody",
    ),
    (Fault::OwnedHasAnEnd, "owned gives every record of an owner"),
    (
        Fault::OwnedListsTheDead,
        "gone from every answer at once: owned gives",
    ),
    (
        Fault::RemoveOwnedCountsNothing,
        "remove_owned removes an owner's records and says how many",
    ),
    (
        Fault::RemoveOwnedGoesByOldOwners,
        "remove_owned removes an owner's records alone",
    ),
    (
        Fault::RemoveOwnedHasAnEnd,
        "remove_owned removes every record of an owner",
    ),
    (
        Fault::PurgeTakesAll,
        "purge frees what expired and nothing else",
    ),
    (Fault::PeekIsStale, "peek says what get says"),
    (Fault::WatchNeverBegins, "a watch begins with Live"),
    (
        Fault::WatchIsLate,
        "a write is reported to the watchers before it returns: insert",
    ),
    (
        Fault::WatchMissesRemoveOwned,
        "a write is reported to the watchers before it returns: remove_owned",
    ),
    (
        Fault::WatchIsDeafToOthers,
        "another handle's write is reported to the watchers within a second (insert)",
    ),
    (
        Fault::GetIsStale,
        "what another handle wrote is seen within a second",
    ),
];
