#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    jamguard_fuzz::signature::run(data);
});
