//! What is wrong with a file is told with its place and what to do, and without a secret.

mod keys;
mod places;
mod values;

const JWT: &str = "
[jam.jwt]
algorithm = 'HS256'
secret = '${SECRET}'
";
