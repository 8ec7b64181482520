//! For stores that tests put in front of another: the methods in which they do nothing.

/// Passes the named methods of `Store` on to a field.
macro_rules! passes_on {
    ($to:tt: $($method:ident)*) => { $(passes_on!(@ $method $to);)* };
    (@ get $to:tt) => {
        fn get<'a>(
            &'a self,
            key: &'a str,
        ) -> jamguard::store::StoreFuture<'a, Option<jamguard::store::Record>> {
            self.$to.get(key)
        }
    };
    (@ insert $to:tt) => {
        fn insert<'a>(
            &'a self,
            key: &'a str,
            record: jamguard::store::NewRecord,
        ) -> jamguard::store::StoreFuture<'a, Option<u64>> {
            self.$to.insert(key, record)
        }
    };
    (@ replace $to:tt) => {
        fn replace<'a>(
            &'a self,
            key: &'a str,
            version: u64,
            value: Vec<u8>,
            ttl: Option<std::time::Duration>,
        ) -> jamguard::store::StoreFuture<'a, Option<u64>> {
            self.$to.replace(key, version, value, ttl)
        }
    };
    (@ remove $to:tt) => {
        fn remove<'a>(&'a self, key: &'a str) -> jamguard::store::StoreFuture<'a, bool> {
            self.$to.remove(key)
        }
    };
    (@ owned $to:tt) => {
        fn owned<'a>(
            &'a self,
            owner: &'a str,
        ) -> jamguard::store::StoreFuture<'a, Vec<(String, jamguard::store::Record)>> {
            self.$to.owned(owner)
        }
    };
    (@ count_owned $to:tt) => {
        fn count_owned<'a>(
            &'a self,
            owner: &'a str,
            prefix: &'a [u8],
        ) -> jamguard::store::StoreFuture<'a, u64> {
            self.$to.count_owned(owner, prefix)
        }
    };
    (@ remove_owned $to:tt) => {
        fn remove_owned<'a>(&'a self, owner: &'a str) -> jamguard::store::StoreFuture<'a, u64> {
            self.$to.remove_owned(owner)
        }
    };
    (@ purge $to:tt) => {
        fn purge(&self) -> jamguard::store::StoreFuture<'_, u64> {
            self.$to.purge()
        }
    };
    (@ watch $to:tt) => {
        fn watch(&self, watcher: jamguard::store::Watcher) -> bool {
            self.$to.watch(watcher)
        }
    };
}
