//! The credentials for Homer and for a proxy in front of it.

use alloc::format;

use super::{Setting, Variables, misconfigured, setting};
use crate::error::ExportError;
use crate::homer::{
    Credential, CredentialKind, InvalidCredential, LoginType, ProxyCredential, ProxyCredentialKind,
};

/// The credential for Homer.
///
/// # Errors
/// `misconfigured` if there are two, half of one, or an invalid one.
pub(super) fn homers(variables: &Variables) -> Result<Option<Credential>, ExportError> {
    let get = |setting: &Setting| setting.get(variables).map(|given| given.value);
    let token = get(&setting::API_TOKEN);
    let jwt = get(&setting::JWT);
    let username = get(&setting::USERNAME);
    let password = get(&setting::PASSWORD);
    let invalid = |setting: &Setting, why: InvalidCredential| {
        ExportError::Misconfigured(format!("{} is {why}", setting.variable))
    };
    // Two kinds are an error: Homer prefers the API token, and falls back to the other one
    // (recordings `authz-good-token-bad-jwt`, `authz-wrong-token-good-jwt`), so nobody could tell
    // which one works.
    match (token, jwt, username, password) {
        (None, None, None, None) => Ok(None),
        (Some(token), None, None, None) => {
            let header = setting::TOKEN_HEADER.get(variables);
            let name = header.map_or(setting::DEFAULT_TOKEN_HEADER, |given| given.value);
            match Credential::api_token(name, token) {
                Ok(credential) => Ok(Some(credential)),
                // Only this setting has a flag, so only here the name that was typed may be another
                // one.
                Err(InvalidCredential::HeaderName) => {
                    let given = header.map_or(setting::TOKEN_HEADER.variable, |given| given.name);
                    misconfigured(&format!("{given} is {}", InvalidCredential::HeaderName))
                }
                Err(why) => Err(invalid(&setting::API_TOKEN, why)),
            }
        }
        (None, Some(token), None, None) => match Credential::jwt(token) {
            Ok(credential) => Ok(Some(credential)),
            Err(why) => Err(invalid(&setting::JWT, why)),
        },
        (None, None, Some(username), Some(password)) => {
            match Credential::login(username, password) {
                Ok(credential) => Ok(Some(credential.with_login_type(login_type(variables)?))),
                Err(why @ InvalidCredential::Username) => Err(invalid(&setting::USERNAME, why)),
                Err(why) => Err(invalid(&setting::PASSWORD, why)),
            }
        }
        (None, None, Some(_), None) => {
            misconfigured("HOMER_USERNAME is set without HOMER_PASSWORD; set both")
        }
        (None, None, None, Some(_)) => {
            misconfigured("HOMER_PASSWORD is set without HOMER_USERNAME; set both")
        }
        _ => misconfigured(
            "more than one kind of credential is set; keep HOMER_API_TOKEN, or HOMER_JWT, or \
             HOMER_USERNAME with HOMER_PASSWORD",
        ),
    }
}

/// The kind of the credential that the host adds.
///
/// # Errors
/// `misconfigured` if it is not the name of a kind.
pub(super) fn kind(variables: &Variables) -> Result<CredentialKind, ExportError> {
    let Some(given) = setting::CREDENTIAL_KIND.get(variables) else {
        return Ok(CredentialKind::None);
    };
    // The value is not shown, because a credential may have been put here by mistake.
    CredentialKind::from_name(given.value).ok_or_else(|| {
        let names = CredentialKind::ALL.map(CredentialKind::name).join(", ");
        ExportError::Misconfigured(format!(
            "{} is invalid; expected one of {names}",
            given.name
        ))
    })
}

fn login_type(variables: &Variables) -> Result<LoginType, ExportError> {
    Ok(match setting::LOGIN_TYPE.choice(variables)? {
        "ldap" => LoginType::Ldap,
        _ => LoginType::Internal,
    })
}

/// The credential for a proxy in front of Homer. `homers` is the credential for Homer itself.
///
/// # Errors
/// `misconfigured` if it is incomplete or invalid, or if `homers` needs the same header field.
pub(super) fn proxys(
    variables: &Variables,
    homers: Option<&Credential>,
) -> Result<Option<ProxyCredential>, ExportError> {
    let get = |setting: &Setting| setting.get(variables).map(|given| given.value);
    let (username, password) = match (get(&setting::PROXY_USERNAME), get(&setting::PROXY_PASSWORD))
    {
        (None, None) => return Ok(None),
        (Some(username), Some(password)) => (username, password),
        (Some(_), None) => {
            return misconfigured(
                "HOMER_PROXY_USERNAME is set without HOMER_PROXY_PASSWORD; set both",
            );
        }
        (None, Some(_)) => {
            return misconfigured(
                "HOMER_PROXY_PASSWORD is set without HOMER_PROXY_USERNAME; set both",
            );
        }
    };
    let credential = ProxyCredential::new(username, password).map_err(|why| {
        let setting = match why {
            InvalidCredential::Password => setting::PROXY_PASSWORD,
            _ => setting::PROXY_USERNAME,
        };
        ExportError::Misconfigured(format!("{} is {why}", setting.variable))
    })?;
    // A request has one Authorization header field (RFC 9110 §11.6.2).
    let taken_by = match homers {
        Some(Credential::Jwt(_)) => setting::JWT.variable,
        Some(Credential::Login { .. }) => "the token of HOMER_USERNAME and HOMER_PASSWORD",
        Some(Credential::ApiToken { header, .. })
            if header.eq_ignore_ascii_case("authorization") =>
        {
            setting::API_TOKEN.variable
        }
        Some(Credential::ApiToken { .. }) | None => return Ok(Some(credential)),
    };
    misconfigured(&format!(
        "HOMER_PROXY_USERNAME and {taken_by} both need the header field Authorization, of which a \
         request has one; use HOMER_API_TOKEN for Homer in a header field of its own \
         (HOMER_TOKEN_HEADER, by default Auth-Token), or let the proxy pass Homer's API without a \
         login"
    ))
}

/// What the host adds for a proxy.
///
/// # Errors
/// `misconfigured` if it is not the name of a kind.
pub(super) fn proxy_kind(variables: &Variables) -> Result<ProxyCredentialKind, ExportError> {
    let Some(given) = setting::PROXY_CREDENTIAL_KIND.get(variables) else {
        return Ok(ProxyCredentialKind::None);
    };
    // The value is not shown, as above.
    ProxyCredentialKind::from_name(given.value).ok_or_else(|| {
        let names = ProxyCredentialKind::ALL
            .map(ProxyCredentialKind::name)
            .join(", ");
        ExportError::Misconfigured(format!(
            "{} is invalid; expected one of {names}",
            given.name
        ))
    })
}
