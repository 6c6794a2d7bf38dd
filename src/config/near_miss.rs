//! Names that are most likely meant for a setting and are none: `S3_BUCKET_NAME`, `TRUSTED_PROXY`, `DATABASE_URL_FILE`.
//! Passed over in silence, they would leave a default in force that nobody chose.
//!
//! An environment is full of other programs' variables, and a start that fails because of them helps nobody. So a variable
//! has to be very close to a setting's name: the same but for underscores, capital letters and plurals, for `LUMINA_` before
//! it or `_FILE` after it, or one or two letters off in a long name of the same group. While the setting itself is in the
//! environment, what is like it is somebody else's.

use strsim::{jaro_winkler, osa_distance};

/// How much a key in a file has to be like a setting's to be taken for it: it is refused either way.
const ALIKE: f64 = 0.85;

/// The variable that `name` was most likely meant to be. `is_set` says which ones the environment has.
pub(super) fn of_variable(name: &str, keys: &[&str], is_set: impl Fn(&str) -> bool) -> Option<String> {
    let upper = name.to_uppercase();
    if name != upper && !name.contains('_') {
        return None;
    }
    let asked = upper.strip_prefix("LUMINA_").unwrap_or(&upper);
    let asked = asked.strip_suffix("_FILE").unwrap_or(asked);
    let near = keys.iter().filter_map(|key| Some((distance(asked, key)?, key)));
    let (_, key) = near.min_by_key(|(distance, _)| *distance)?;
    let meant = variable(key);
    (!is_set(&meant)).then_some(meant)
}

/// The setting that `key` was most likely meant to be.
pub(super) fn of_key<'a>(key: &str, keys: &[&'a str]) -> Option<&'a str> {
    let alike = keys.iter().map(|known| (jaro_winkler(&key.to_lowercase(), known), *known));
    let (how, known) = alike.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    (how > ALIKE).then_some(known)
}

/// As the setting is called in the environment.
fn variable(key: &str) -> String {
    key.to_uppercase().replace('.', "__")
}

/// How many letters `asked` is off the name of `key`; `None` where that is too many.
fn distance(asked: &str, key: &str) -> Option<usize> {
    let (group, name) = key.split_once('.').unwrap_or(("", key));
    let (asked, group, name) = (letters(asked), letters(&group.to_uppercase()), letters(&name.to_uppercase()));
    let rest = asked.strip_prefix(&group)?;
    let off = osa_distance(rest, &name);
    // Another first letter makes another word of it.
    let is_near = rest.chars().next() == name.chars().next() && off <= (name.len() / 5).min(2);
    (off == 0 || is_near && name.len() > 5).then_some(off)
}

/// The words of a name, in the singular and without what stands between them.
fn letters(name: &str) -> String {
    let singular = |word: &str| match word.strip_suffix("IES") {
        Some(stem) => format!("{stem}Y"),
        None => word.strip_suffix('S').unwrap_or(word).to_owned(),
    };
    name.split('_').map(singular).collect()
}

#[cfg(test)]
mod tests {
    use super::super::KEYS;
    use super::*;

    fn meant(name: &str) -> Option<String> {
        of_variable(name, &KEYS, |_| false)
    }

    #[test]
    fn variables_that_were_meant_for_a_setting_are_known() {
        for (name, setting) in [
            ("S3_BUCKET_NAME", "S3__BUCKET_NAME"),
            ("S3_BUCKETNAME", "S3__BUCKET_NAME"),
            ("S3_AWS_ACCESS_KEY_ID", "S3__AWS_ACCESS_KEY_ID"),
            ("LIMITS_UPLOAD_MIB", "LIMITS__UPLOAD_MIB"),
            ("LIMIT_UPLOAD_MB", "LIMITS__UPLOAD_MIB"),
            ("TRUSTED_PROXY", "TRUSTED_PROXIES"),
            ("TRUSTEDPROXIES", "TRUSTED_PROXIES"),
            ("CORS_ALLOWED_ORIGIN", "CORS__ALLOWED_ORIGINS"),
            ("DATABASE_URI", "DATABASE_URL"),
            ("DATABASE_URL_FILE", "DATABASE_URL"),
            ("SECRET_KEYS", "SECRET_KEY"),
            ("PUBLICURL", "PUBLIC_URL"),
            ("LUMINA_BIND", "BIND"),
            ("LUMINA_PUBLIC_URL", "PUBLIC_URL"),
            ("METRIC_TOKEN", "METRICS_TOKEN"),
            ("data_dir", "DATA_DIR"),
            ("OIDC_CLIENT_SECRET", "OIDC__CLIENT_SECRET"),
        ] {
            assert_eq!(meant(name).as_deref(), Some(setting), "{name}");
        }
    }

    /// Of shells, Docker, Kubernetes, systemd, CI and other programs.
    #[test]
    fn variables_of_other_programs_are_left_alone() {
        let others = "HOME PATH PWD SHLVL TERM LANG LC_ALL TZ USER LOGNAME HOSTNAME MAIL EDITOR DISPLAY PS1 _ http_proxy \
             no_proxy HTTPS_PROXY XDG_DATA_DIRS XDG_DATA_HOME CI DEBIAN_FRONTEND GITHUB_TOKEN GITHUB_REF RUNNER_TEMP \
             INVOCATION_ID JOURNAL_STREAM LISTEN_FDS NOTIFY_SOCKET SYSTEMD_LOG_LEVEL RUST_LOG CARGO_HOME PGHOST PGDATA \
             PGPASSWORD PGUSER POSTGRES_USER POSTGRES_PASSWORD POSTGRES_DB REDIS_URL MYSQL_DATABASE AWS_ACCESS_KEY_ID \
             AWS_SECRET_ACCESS_KEY AWS_REGION AWS_DEFAULT_REGION AWS_ENDPOINT_URL S3_SERVICE_HOST S3_PORT S3_BUCKET \
             S3_PORT_9000_TCP S3_REGION OIDC_SERVICE_HOST OIDC_PORT BIND_ADDRESS BIND_PORT BINDIR BINDING REGISTRATION_PORT \
             KUBERNETES_SERVICE_HOST LUMINA_SERVICE_HOST LUMINA_PORT LUMINA_PORT_8080_TCP LUMINA_TEST_LOG LUMINA_CORPUS \
             DATA DATADOG DATABASE DATABASE_HOST DATABASE_PASSWORD SECRET SECRET_KEY_BASE JWT_SECRET TOKEN LOG LOGS \
             LOGGER_LEVEL PUBLIC_IP PUBLIC_HOST SSL_CERT_FILE LIMITS CORS LS_COLORS OLDPWD COLORTERM PROXY TRUSTED bind";
        for name in others.split_whitespace() {
            assert_eq!(meant(name), None, "{name}");
        }
    }

    #[test]
    fn beside_the_setting_itself_what_is_like_it_is_somebody_elses() {
        assert_eq!(of_variable("DATABASE_URI", &KEYS, |name| name == "DATABASE_URL"), None);
        assert_eq!(of_variable("S3_BUCKET_NAME", &KEYS, |name| name == "S3__BUCKET_NAME"), None);
    }

    #[test]
    fn a_key_in_a_file_is_told_what_it_is_like() {
        assert_eq!(of_key("registrations", &KEYS), Some("registration"));
        assert_eq!(of_key("limits.upload_mb", &KEYS), Some("limits.upload_mib"));
        assert_eq!(of_key("s3.bucket", &KEYS), Some("s3.bucket_name"));
        assert_eq!(of_key("theme", &KEYS), None);
    }
}
