//! The settings, from the outside: a file, some variables, and what comes of them.

use std::fs;

use super::*;

/// Loads `yaml` with `env` over it.
fn load(yaml: &str, env: &[(&str, &str)]) -> Result<Config, Problems> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    fs::write(&file, yaml).unwrap();
    let pairs = env.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    Config::load(Some(&file), pairs)
}

const KEY: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn nothing_set_means_the_defaults() {
    let config = load("", &[("PATH", "/bin"), ("LOG", "x"), ("BIND", "")]).unwrap();
    assert_eq!(config.effective(), Config::in_folder("./data").effective());
    assert_eq!(config.public_url.origin(), "http://localhost:8080");
}

#[test]
fn variables_go_over_the_file() {
    let yaml = "bind: 127.0.0.1:1000\nregistration: closed\nlimits: {upload_mib: 5, megapixels: 6}";
    let env = [("BIND", "127.0.0.1:2000"), ("LIMITS__UPLOAD_MIB", "7"), ("REGISTRATION", " ")];
    let config = load(yaml, &env).unwrap();
    assert_eq!(config.bind.port(), 2000);
    assert_eq!(config.registration, Some(Registration::Closed));
    assert_eq!((config.limits.upload_mib, config.limits.megapixels), (7, 6));
    assert_eq!(config.limits.upload_bytes(), 7 << 20);
}

#[test]
fn everything_wrong_is_said_at_once_with_key_origin_and_what_is_allowed() {
    let yaml = "bind: here\nregistrations: open\nregistration: [open]\nsecret_key: [short]\n\
                limits: {pixels: 3}\nlog_level: warning";
    let env = [("LIMITS__MEGAPIXELS", "many"), ("LIMITS__TYPO", "1"), ("DATABASE_URL", "mysql://u:hidden@h/d")];
    let said = load(yaml, &env).unwrap_err().to_string();
    for part in [
        "bind (in ",
        "registrations (in ",
        "registration (in ",
        "open, invitation or closed, not a list",
        "secret_key (in ",
        "at least 32 bytes",
        "limits.pixels (in ",
        "log_level (in ",
        "limits.megapixels (LIMITS__MEGAPIXELS in the environment) must be a whole number from 1 to 1000, not \"many\"",
        "limits.typo (LIMITS__TYPO in the environment) is not a setting",
        "database_url (DATABASE_URL in the environment) must be postgres://",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert_eq!(said.lines().count(), 10, "{said}");
    assert!(!said.contains("hidden") && !said.contains("short"), "{said}");
}

#[test]
fn a_file_that_was_named_must_be_there_and_be_yaml() {
    let none = std::iter::empty::<(String, String)>;
    let said = Config::load(Some(Path::new("/not/there.yaml")), none()).unwrap_err();
    assert!(said.to_string().contains("/not/there.yaml"));
    for bad in ["bind: [", "- bind", "bind: 127.0.0.1:1\nbind: 127.0.0.1:2", "limits: 5"] {
        assert!(load(bad, &[]).is_err(), "{bad}");
    }
}

#[test]
fn values_at_the_edge() {
    for (yaml, accepted) in [
        ("limits: {upload_mib: 1}", true),
        ("limits: {upload_mib: 0}", false),
        ("limits: {upload_mib: -1}", false),
        ("limits: {megapixels: 1000}", true),
        ("limits: {megapixels: 1001}", false),
        ("limits:", true),
        ("bind: '[::1]:0'", true),
        ("bind: localhost:80", false),
        ("bind:", true),
        ("public_url: https://photos.example/", true),
        ("public_url: https://photos.example/album", false),
        ("public_url: ftp://photos.example", false),
        ("public_url: https://me:pw@photos.example", false),
        ("jwt: {algorithm: HS256}", true),
        ("jwt: {algorithm: none}", false),
        ("jwt: {algorithm: RS256}", false),
        ("jwt: {secret_key: short}", false),
        ("jwt: {access_token_expire_minutes: 1440}", true),
        ("jwt: {access_token_expire_minutes: 0}", false),
        ("cors: {allowed_origins: [https://a.example, 'http://localhost:3000']}", true),
        ("cors: {allowed_origins: []}", true),
        ("cors: {allowed_origins: '*'}", false),
        ("cors: {allowed_origins: [https://a.example/app]}", false),
        ("log_level: info,lumina=debug", true),
        ("log_level: loud", false),
        ("log_level: lumina=loud", false),
    ] {
        assert_eq!(load(yaml, &[]).is_ok(), accepted, "{yaml}");
    }
}

#[test]
fn public_url_follows_bind_until_it_is_set() {
    for (bind, origin) in [
        ("127.0.0.1:9001", "http://localhost:9001"),
        ("[::]:9001", "http://localhost:9001"),
        ("192.168.1.5:9001", "http://192.168.1.5:9001"),
        ("[2001:db8::1]:80", "http://[2001:db8::1]"),
    ] {
        assert_eq!(load("", &[("BIND", bind)]).unwrap().public_url.origin(), origin);
    }
    let mut config = Config::in_folder("x");
    config.bound_to("127.0.0.1:4321".parse().unwrap());
    assert_eq!(config.public_url.origin(), "http://localhost:4321");
    let mut config = load("public_url: https://Photos.example:443", &[]).unwrap();
    config.bound_to("127.0.0.1:4321".parse().unwrap());
    assert_eq!(config.public_url.origin(), "https://photos.example");
    assert!(config.public_url.https());
}

#[test]
fn one_key_or_several() {
    let two = format!("{KEY},x{KEY}");
    assert_eq!(load("", &[("SECRET_KEY", &two)]).unwrap().secret_keys().unwrap().len(), 2);
    assert_eq!(load(&format!("secret_key: ['{KEY}', 'x{KEY}']"), &[]).unwrap().secret_key.len(), 2);
    let with_comma = load(&format!("secret_key: '{two}'"), &[]).unwrap();
    assert_eq!(with_comma.secret_key.first().unwrap().expose(), two);
    assert!(load("", &[("SECRET_KEY", &format!("{KEY},"))]).is_err());
}

#[test]
fn secrets_are_masked_wherever_settings_are_printed() {
    let env = [
        ("SECRET_KEY", KEY),
        ("JWT__SECRET_KEY", KEY),
        ("DATABASE_URL", "postgres://me:p%40ss%2Fw?rd@db:5432/lumina?sslmode=require&sslpassword=hush"),
        ("METRICS_TOKEN", "0123456789abcdef"),
        ("OIDC__CLIENT_ID", "lumina"),
        ("OIDC__CLIENT_SECRET", "hush"),
        ("OIDC__SERVER_METADATA_URL", "https://login.example"),
    ];
    let config = load("", &env).unwrap();
    let printed = format!("{config:?} {}", config.effective());
    for secret in [KEY, "p%40ss", "ss%2Fw", "w?rd", "hush", "0123456789abcdef"] {
        assert!(!printed.contains(secret), "{printed}");
    }
    assert!(printed.contains("postgres://me:***@db:5432/lumina?sslmode=require&sslpassword=***"), "{printed}");
}

#[test]
fn an_address_is_shown_without_any_part_of_its_password() {
    let shown = without_password("postgres://me:p@ss/w?rd@db:5432/lumina?sslmode=require&sslpassword=hush");
    assert_eq!(shown, "postgres://me:***@db:5432/lumina?sslmode=require&sslpassword=***");
    assert_eq!(without_password("https://me:pw@photos.example"), "https://me:***@photos.example");
}

/// Each way in which a secret can be wrong: too short, a list, a map, without the space that makes a value of it.
#[test]
fn no_complaint_quotes_a_secret() {
    let secrets = [
        "database_url",
        "secret_key",
        "jwt.secret_key",
        "oidc.client_secret",
        "metrics_token",
        "s3.aws_access_key_id",
        "s3.aws_secret_access_key",
    ];
    let refused = |yaml: &str, env: &[(&str, &str)]| {
        let said = load(yaml, env).unwrap_err().to_string();
        assert!(!said.contains("opSec"), "{yaml} {env:?}: {said}");
        said
    };
    for key in secrets {
        let name = key.rsplit('.').next().unwrap();
        let in_group = |line: String| match key.split_once('.') {
            Some((group, _)) => format!("{group}:\n  {line}\n"),
            None => format!("{line}\n"),
        };
        let variable = key.to_uppercase().replace('.', "__");
        // No key may hold a line break; a token and an address are too short or no address; the rest may not hold spaces.
        assert!(refused("", &[(&variable, "topSec \u{1}")]).contains(key), "{key}");
        for value in ["'topSec \u{e9}\u{1}'", "[topSec, {topSec: 1}]", "{topSec: topSec}", "{topSec: }"] {
            let value = value.replace("\u{1}", "\\u0001").replace('\'', "\"");
            assert!(refused(&in_group(format!("{name}: {value}")), &[]).contains(key), "{key}: {value}");
        }
        refused(&in_group(format!("{name}:topSec: topSec")), &[]);
        refused(&format!("{{{key}:topSec}}"), &[]);
        refused(&format!("{key}:topSec\nbind: x"), &[]);
        refused(&format!("{key}: topSec: x"), &[]);
        refused(&format!("{key}: \"topSec"), &[]);
        refused(&format!("{name}s: topSec"), &[]);
        refused("", &[(&format!("{variable}_FILE"), "topSec")]);
    }
    // Addresses that must hold no password, with one.
    for key in ["public_url", "cors.allowed_origins", "s3.endpoint_url", "s3.public_url", "oidc.server_metadata_url"] {
        let variable = key.to_uppercase().replace('.', "__");
        refused("", &[(&variable, "https://me:topSec@photos.example/?password=topSec")]);
    }
    // As libpq would take them apart, a part of the password is the host, the port or a parameter.
    for url in ["me:topSec@topSec@db", "me:topSec/topSec@db", "me:1/topSec?topSec@db", "me:topSec%@db", "me:topSec"] {
        refused("", &[("DATABASE_URL", &format!("postgres://{url}/lumina?sslmode=require"))]);
    }
}

#[test]
fn a_variable_that_was_meant_for_a_setting_stops_the_start() {
    for (name, meant) in [
        ("S3_BUCKET_NAME", "S3__BUCKET_NAME"),
        ("LIMITS_UPLOAD_MIB", "LIMITS__UPLOAD_MIB"),
        ("TRUSTED_PROXY", "TRUSTED_PROXIES"),
        ("S3__BUCKETNAME", "s3.bucket_name"),
    ] {
        let said =
            load("", &[(name, "photos"), ("HOME", "/root"), ("AWS_ACCESS_KEY_ID", "x")]).unwrap_err().to_string();
        assert!(said.contains(name) && said.contains(&format!("did you mean {meant}?")), "{said}");
        assert!(!said.contains("HOME") && !said.contains(" AWS_"), "{said}");
    }
    assert!(load("", &[("S3_BUCKET_NAME", " ")]).is_ok(), "an empty one is one that is not set");
    assert!(load("", &[("DATABASE_URI", "x"), ("DATABASE_URL", "postgres://db/lumina")]).is_ok());
}

const BUCKET: [(&str, &str); 3] = [
    ("S3__BUCKET_NAME", "photos"),
    ("S3__AWS_ACCESS_KEY_ID", "GK0123456789abcdef"),
    ("S3__AWS_SECRET_ACCESS_KEY", KEY),
];

#[test]
fn a_bucket_of_ones_own_or_of_aws() {
    let own = load("s3: {endpoint_url: 'http://Garage.lan:3900/', region_name: garage}", &BUCKET).unwrap().s3.unwrap();
    assert_eq!(own.endpoint(), "http://garage.lan:3900");
    assert_eq!((own.region_name.as_str(), own.path_style), ("garage", true));
    let aws = [&BUCKET[..], &[("S3__REGION_NAME", "eu-central-1")]].concat();
    let aws = load("s3: {public_url: 'https://cdn.example/photos/'}", &aws).unwrap().s3.unwrap();
    assert_eq!((aws.endpoint().as_str(), aws.path_style), ("https://s3.eu-central-1.amazonaws.com", false));
    assert_eq!(aws.public_url.as_deref(), Some("https://cdn.example/photos"));
    let with_host = load("s3: {endpoint_url: 'https://s3.example', path_style: false}", &BUCKET).unwrap().s3.unwrap();
    assert_eq!((with_host.path_style, with_host.region_name.as_str()), (false, "us-east-1"));
    assert_eq!(load("s3: {bucket_name: , endpoint_url: }", &[]).unwrap().s3, None);
}

#[test]
fn half_a_bucket_is_none_and_all_that_is_missing_is_said() {
    let env = [("S3__AWS_SECRET_ACCESS_KEY", "top secret"), ("S3__PATH_STYLE", "maybe"), ("S3__TYPO", "1")];
    let yaml = "s3: {bucket_name: ../photos, endpoint_url: 'ftp://x', public_url: 'https://me:pw@cdn.example'}";
    let said = load(yaml, &env).unwrap_err().to_string();
    for part in [
        "s3.aws_access_key_id is missing",
        "s3.bucket_name (in ",
        "s3.aws_secret_access_key (S3__AWS_SECRET_ACCESS_KEY in the environment) must be a key, without spaces",
        "s3.endpoint_url (in ",
        "s3.public_url (in ",
        "s3.path_style (S3__PATH_STYLE in the environment) must be true or false, not \"maybe\"",
        "s3.typo (S3__TYPO in the environment) is not a setting",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert_eq!(said.lines().count(), 8, "{said}");
    assert!(!said.contains("top secret"), "{said}");
    let region = load("", &BUCKET).unwrap_err().to_string();
    assert!(region.contains("s3.region_name is missing") && region.lines().count() == 2, "{region}");
}

#[test]
fn a_buckets_key_is_masked() {
    let config = load("s3: {endpoint_url: 'http://garage.lan:3900'}", &BUCKET).unwrap();
    let printed = config.effective();
    for text in [printed.as_str(), &format!("{config:?}")] {
        assert!(!text.contains(KEY) && !text.contains("GK0123456789abcdef"), "{text}");
    }
    assert!(
        printed.contains("aws_access_key_id: \"GK01***\"") && printed.contains("bucket_name: \"photos\""),
        "{printed}"
    );
}

#[test]
fn what_is_printed_can_be_read_again() {
    let yaml = "data_dir: 'odd: \"name\" # \\ ünder'\nlog_format: json\nregistration: closed\nbind: '[::1]:1'";
    let printed = load(yaml, &[]).unwrap().effective();
    assert_eq!(load(&printed, &[]).unwrap().effective(), printed);
}

#[test]
fn the_example_names_every_setting_with_its_default() {
    let example = include_str!("../../config.example.yaml");
    assert_eq!(load(example, &[]).unwrap().effective(), Config::in_folder("./data").effective());
    // A `#` without a space after it switches a setting off; switched on, each says the same.
    let is_off = |line: &str| line.trim_start().strip_prefix('#').is_some_and(|rest| !rest.starts_with(' '));
    let on = |line: &str| if is_off(line) { line.replacen('#', "", 1) } else { line.to_owned() };
    let switched_on = example.lines().map(on).collect::<Vec<_>>().join("\n");
    assert_eq!(load(&switched_on, &[]).unwrap().effective(), Config::in_folder("./data").effective());
    for key in KEYS {
        let name = key.rsplit('.').next().unwrap();
        assert!(switched_on.lines().any(|line| line.trim_start().starts_with(&format!("{name}:"))), "{key}");
    }
}

#[test]
fn the_generated_key_is_made_once_and_private() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let config = Config::in_folder(folder.path().join("new"));
    let keys: Vec<_> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| config.secret_keys().unwrap())).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    assert!(keys.iter().all(|key| *key == keys[0]), "two starts at once agree");
    assert_eq!(keys[0][0].expose().len(), 128);
    let path = config.data_dir.join("secret_key");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(&config.data_dir).unwrap().count(), 1, "no temporary files left");
    fs::write(&path, "cut").unwrap();
    assert!(config.secret_keys().unwrap_err().to_string().contains("damaged"));
}
