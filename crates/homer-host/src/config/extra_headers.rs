//! The file of header fields for a proxy in front of Homer: `HOMER_EXTRA_HEADERS_FILE`.

use std::fs::File;
use std::io::Read as _;

use homer_export::ExportError;
use homer_export::config::{Variables, setting};
use homer_export::homer::{Credential, HomerServer};

use super::{misconfigured, shown_path};
use crate::extra_fields::{ExtraFields, ReservedField};

/// The header fields in the file, if one is named, and the one of the credential for a proxy.
///
/// # Errors
/// `misconfigured` if the file cannot be read, is too large, or is not a list of header fields, or
/// if it contains a header field that carries a credential.
pub(super) fn read(variables: &Variables, homer: &HomerServer) -> Result<ExtraFields, ExportError> {
    let mut fields = ExtraFields::default();
    if let Some(given) = setting::EXTRA_HEADERS_FILE.get(variables) {
        let (name, path) = (given.name, given.value);
        let mut text = String::new();
        // One byte more than allowed shows that a file is too large, whatever its size.
        let limit = ExtraFields::MAX_BYTES as u64 + 1;
        let read = File::open(path).and_then(|file| file.take(limit).read_to_string(&mut text));
        if let Err(why) = read {
            let shown = shown_path(path);
            return misconfigured(format!("{name}: cannot read {shown}: {why}"));
        }
        if text.len() > ExtraFields::MAX_BYTES {
            return misconfigured(format!(
                "{name}: {path} is larger than {} bytes",
                ExtraFields::MAX_BYTES
            ));
        }
        fields = ExtraFields::parse(&text, &reserved(homer))
            .map_err(|why| ExportError::Misconfigured(format!("{name}: {path}, {why}")))?;
        // An empty variable counts as unset, but an empty file is a mistake.
        if fields.is_empty() {
            return misconfigured(format!("{name}: {path} contains no header field"));
        }
    }
    Ok(match &homer.proxy_credential {
        Some(credential) => fields.with_proxy_credential(credential),
        None => fields,
    })
}

/// The header fields that carry a credential.
fn reserved(homer: &HomerServer) -> Vec<ReservedField<'_>> {
    let field = |name, carries| ReservedField { name, carries };
    let homers = homer
        .credential
        .as_ref()
        .map(|credential| match credential {
            Credential::ApiToken { header, .. } => field(header, "HOMER_API_TOKEN"),
            Credential::Jwt(_) => field("authorization", "HOMER_JWT"),
            Credential::Login { .. } => field(
                "authorization",
                "the token of HOMER_USERNAME and HOMER_PASSWORD",
            ),
        });
    let proxys = homer.proxy_credential.as_ref().map(|_| {
        field(
            "authorization",
            "HOMER_PROXY_USERNAME and HOMER_PROXY_PASSWORD",
        )
    });
    homers.into_iter().chain(proxys).collect()
}
