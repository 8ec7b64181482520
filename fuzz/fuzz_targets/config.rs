#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    jamguard_fuzz::config::run(data);
});
