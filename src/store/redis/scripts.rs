//! Lua scripts that change records atomically.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use redis::Cmd;
use std::sync::LazyLock;

/// A Lua script. Redis caches scripts under their SHA-1.
pub(super) struct Script {
    text: &'static str,
    hash: LazyLock<String>,
}

macro_rules! script {
    ($name:ident, $($file:literal),+) => {
        pub(super) static $name: Script = Script {
            text: concat!($(include_str!($file)),+),
            hash: LazyLock::new(|| sha1($name.text)),
        };
    };
}

script!(GET, "lua/read.lua", "lua/get.lua");
script!(INSERT, "lua/prelude.lua", "lua/insert.lua");
script!(REPLACE, "lua/prelude.lua", "lua/replace.lua");
script!(REMOVE, "lua/prelude.lua", "lua/remove.lua");
script!(LIST_OWNED, "lua/prelude.lua", "lua/list_owned.lua");
script!(READ_OWNED, "lua/prelude.lua", "lua/read.lua", "lua/read_owned.lua");
script!(COUNT_OWNED, "lua/prelude.lua", "lua/read.lua", "lua/count_owned.lua");
script!(REMOVE_OWNED, "lua/prelude.lua", "lua/remove_owned.lua");

fn sha1(text: &str) -> String {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Script {
    /// Returns whether it removes the records of an owner.
    pub(super) fn removes(&self) -> bool {
        std::ptr::eq(self, &REMOVE_OWNED)
    }

    /// Returns the command that runs the script if Redis has cached it.
    pub(super) fn by_hash(&self, keys: &[&[u8]], arguments: &[&[u8]]) -> Cmd {
        command("EVALSHA", &self.hash, keys, arguments)
    }

    /// Returns the command that runs the script and caches it.
    pub(super) fn by_text(&self, keys: &[&[u8]], arguments: &[&[u8]]) -> Cmd {
        command("EVAL", self.text, keys, arguments)
    }
}

fn command(name: &str, script: &str, keys: &[&[u8]], arguments: &[&[u8]]) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(script).arg(keys.len());
    for part in keys.iter().chain(arguments) {
        command.arg(*part);
    }
    command
}
