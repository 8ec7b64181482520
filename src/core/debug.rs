//! `Debug` for types that hold secrets, personal data or closures.

/// Implements `Debug` with the named values alone, followed by `..` for the other fields.
///
/// ```ignore
/// debug_fields!(SigningKey, self, algorithm = self.algorithm, kid = self.kid);
/// ```
macro_rules! debug_fields {
    ($type:ident $(<$param:ident>)?, $this:ident $(, $name:ident = $value:expr)* $(,)?) => {
        impl$(<$param>)? ::std::fmt::Debug for $type$(<$param>)? {
            fn fmt(&$this, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.debug_struct(stringify!($type))
                    $(.field(stringify!($name), &$value))*
                    .finish_non_exhaustive()
            }
        }
    };
}

pub(crate) use debug_fields;
