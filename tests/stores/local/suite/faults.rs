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
    (Fault::GetFails, "every call is answered: get: out of order"),
    (
        Fault::InsertOverwrites,
        "insert returns None if the key has a record",
    ),
    (
        Fault::InsertRaces,
        "one of many concurrent inserts of a record succeeds",
    ),
    (
        Fault::InsertForgetsTheOwner,
        "owned returns the keys and records of an owner",
    ),
    (Fault::ReplaceInserts, "replace does not insert"),
    (
        Fault::ReplaceIgnoresTheVersion,
        "replace changes only a record with the given version",
    ),
    (
        Fault::ReplaceRaces,
        "one of many concurrent replaces of a record succeeds",
    ),
    (
        Fault::ReplaceLosesTheOwner,
        "a replaced record keeps its owner",
    ),
    (Fault::ReplaceKeepsTheLifetime, "is listed as replaced"),
    (Fault::ReplaceDropsALifetime, "is listed as replaced"),
    (Fault::ReplaceIsLost, "get returns the replaced value"),
    (Fault::RemoveSaysYes, "remove says if a record existed"),
    (Fault::RemoveKeeps, "a removed record is gone"),
    (
        Fault::RemoveRaces,
        "one of many concurrent removes of a record succeeds",
    ),
    (
        Fault::VersionsBeginAnew,
        "a version is never reused for its key",
    ),
    (
        Fault::ValuesAreText,
        "a value is returned as inserted: every byte",
    ),
    (
        Fault::ValuesAreShort,
        "a value is returned as inserted: 1 MiB",
    ),
    (
        Fault::KeysIgnoreCase,
        "insert succeeds if the key has no record",
    ),
    (
        Fault::KeysEndAtNul,
        "insert succeeds if the key has no record",
    ),
    (
        Fault::KeysAreLong,
        "insert succeeds if the key has no record",
    ),
    (
        Fault::KeysAreAnyLength,
        "a key of more than 512 bytes is an error of the kind Storage",
    ),
    (
        Fault::LifetimesAreWholeSeconds,
        "a record lives as long as requested, even less than a second",
    ),
    (
        Fault::LifetimesAreRoundedUp,
        "an expired record disappears from every answer at once",
    ),
    (
        Fault::LifetimesAreIgnored,
        "a replaced record keeps its owner, and is listed as replaced",
    ),
    (
        Fault::LifetimesStandStill,
        "a record has its remaining lifetime",
    ),
    (Fault::OwnersIgnoreWhatFollowsAColon, "an owner is any text"),
    (Fault::OwnersAreShort, "an owner is any text"),
    (
        Fault::OwnerlessIsEmpty,
        "the empty owner is confused with no owner",
    ),
    (
        Fault::OwnedHasAnEnd,
        "owned returns every record of an owner",
    ),
    (
        Fault::OwnedListsTheDead,
        "disappears from every answer at once: owned returns",
    ),
    (
        Fault::RemoveOwnedCountsNothing,
        "remove_owned removes an owner's records and returns how many",
    ),
    (
        Fault::RemoveOwnedGoesByOldOwners,
        "remove_owned removes only the owner's records",
    ),
    (
        Fault::RemoveOwnedHasAnEnd,
        "remove_owned removes every record of an owner",
    ),
    (
        Fault::PurgeTakesAll,
        "purge removes expired records and no others",
    ),
    (Fault::PeekIsStale, "peek agrees with get"),
    (Fault::WatchNeverBegins, "a watch starts with Live"),
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
        "another handle's write is visible within a second",
    ),
];
