//! Where a server checks the password of a login.

/// Where a server checks the password of a login: the member `type` of the login request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoginType {
    /// Homer's own users. The default of HOMER 11, and the only kind that Homer 7 has in its API:
    /// it ignores the member (recording `auth-hepic-type-field`).
    #[default]
    Internal,
    /// An LDAP directory. A HOMER 11 that has nothing else rejects a login without this type
    /// (docs/homer.md §9.5).
    Ldap,
}

impl LoginType {
    /// The value of the member. `None` if it is left out.
    pub(super) fn member(self) -> Option<&'static str> {
        match self {
            Self::Internal => None,
            Self::Ldap => Some("ldap"),
        }
    }
}
