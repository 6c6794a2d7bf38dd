//! Where settings come from, before anyone knows what they mean: texts and lists of texts under flat names, each with
//! its origin.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::{fmt, fs, io};

use yaml_rust2::{Yaml, YamlLoader};

/// Read in the working folder when no other file is named.
const DEFAULT_FILE: &str = "config.yaml";
/// Settings whose values are never shown.
const SECRET: [&str; 6] = [
    "secret_key",
    "database_url",
    "jwt.secret_key",
    "oidc.client_secret",
    "s3.aws_access_key_id",
    "s3.aws_secret_access_key",
];

/// Everything wrong with the settings. `Display` lists it, one line each.
#[derive(Debug)]
pub struct Problems(Vec<String>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lumina does not start, because of its settings:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  - {problem}"))
    }
}

impl Error for Problems {}

/// This process's environment, for [`Config::load`](super::Config::load). Other programs' variables may hold any bytes:
/// what is not UTF-8 arrives with replacement characters and does not panic.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().map(|(name, value)| {
        let text = |bytes: std::ffi::OsString| bytes.to_string_lossy().into_owned();
        (text(name), text(value))
    })
}

#[derive(Debug)]
enum Value {
    /// One value in a file.
    Text(String),
    /// A list in a file.
    List(Vec<String>),
    /// A variable: one value, or several with commas between; which of them, the setting knows.
    Variable(String),
}

#[derive(Debug)]
struct Setting {
    value: Value,
    /// Such as `in config.yaml` or `BIND in the environment`.
    origin: String,
}

/// What the sources say, by key, and what was wrong so far.
#[derive(Debug)]
pub(super) struct Settings {
    keys: &'static [&'static str],
    found: BTreeMap<&'static str, Setting>,
    problems: Vec<String>,
}

impl Settings {
    /// Reads the file (`None`: the default one, which may be absent), then the environment over it.
    pub(super) fn read(
        keys: &'static [&'static str],
        file: Option<&Path>,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let mut settings = Self { keys, found: BTreeMap::new(), problems: Vec::new() };
        let path = file.unwrap_or(Path::new(DEFAULT_FILE));
        match fs::read_to_string(path) {
            Ok(text) => settings.read_yaml(&text, &path.display().to_string()),
            Err(_) if file.is_none() && cannot_be_there(path) => {}
            Err(error) => settings.problems.push(format!("{}: {error}", path.display())),
        }
        settings.read_env(env);
        settings
    }

    fn read_yaml(&mut self, text: &str, file: &str) {
        match YamlLoader::load_from_str(text).as_deref() {
            Err(error) => self.problems.push(format!("{file} is not YAML: {error}")),
            Ok([]) => {}
            Ok([Yaml::Null | Yaml::BadValue]) => {}
            Ok([map @ Yaml::Hash(_)]) => self.read_map("", map, file),
            Ok(_) => self.problems.push(format!("{file} must be one list of `key: value` lines")),
        }
    }

    /// Lays nested maps out flat: `upload_mib` in `limits` is `limits.upload_mib`.
    fn read_map(&mut self, parent: &str, map: &Yaml, file: &str) {
        for (key, value) in map.as_hash().into_iter().flatten() {
            let key = format!("{parent}{}", scalar(key).unwrap_or_default());
            let origin = format!("in {file}");
            match value {
                // A key without value is a key not set, as an empty variable is.
                Yaml::Null if self.is_group(&key) => {}
                Yaml::Null => drop(self.known(&key, &origin)),
                Yaml::Hash(_) => self.read_map(&format!("{key}."), value, file),
                Yaml::Array(items) => {
                    let items: Option<Vec<_>> = items.iter().map(scalar).collect();
                    self.add(&key, items.map(Value::List), origin);
                }
                _ => self.add(&key, scalar(value).map(Value::Text), origin),
            }
        }
    }

    /// Of the many variables of an environment only those count that are a setting's name, or begin with a group's.
    fn read_env(&mut self, env: impl IntoIterator<Item = (String, String)>) {
        for (name, value) in env {
            let key = name.to_lowercase().replace("__", ".");
            let is_upper = name == name.to_uppercase();
            let is_group = key.split_once('.').is_some_and(|(group, _)| self.is_group(group));
            if is_upper && !value.trim().is_empty() && (is_group || self.keys.contains(&key.as_str())) {
                self.add(&key, Some(Value::Variable(value)), format!("{name} in the environment"));
            }
        }
    }

    fn add(&mut self, key: &str, value: Option<Value>, origin: String) {
        let Some(known) = self.known(key, &origin) else { return };
        match value {
            Some(value) => drop(self.found.insert(known, Setting { value, origin })),
            None => self.problems.push(format!("{key} ({origin}): must be a plain value or a list of them")),
        }
    }

    /// The setting of that name; when there is none, that is a problem.
    fn known(&mut self, key: &str, origin: &str) -> Option<&'static str> {
        let known = self.keys.iter().copied().find(|known| *known == key);
        if known.is_none() {
            let what = if self.is_group(key) { "is a group of settings, not a value" } else { "is not a setting" };
            self.problems.push(format!("{key} ({origin}) {what}; config.example.yaml lists them all"));
        }
        known
    }

    /// Is `name` what stands before the dot of a setting?
    fn is_group(&self, name: &str) -> bool {
        self.keys.iter().any(|key| key.split_once('.').is_some_and(|(group, _)| group == name))
    }

    /// Did any source give this setting?
    pub(super) fn has(&self, key: &str) -> bool {
        self.found.contains_key(key)
    }

    /// Did any source give a setting of this group?
    pub(super) fn has_group(&self, group: &str) -> bool {
        self.found.keys().any(|key| key.split_once('.').is_some_and(|(of, _)| of == group))
    }

    /// A setting that is not given is a problem; `why` says since when.
    pub(super) fn require(&mut self, key: &str, why: &str) {
        if !self.has(key) {
            self.problems.push(format!("{key} is missing: {why}"));
        }
    }

    /// Puts the setting's value into `target` when it was given and `parse` takes it. `allowed` says what `parse`
    /// takes.
    pub(super) fn set<T>(&mut self, target: &mut T, key: &str, allowed: &str, parse: impl Fn(&str) -> Option<T>) {
        let Some(setting) = self.found.get(key) else { return };
        let parsed = match &setting.value {
            Value::Text(text) | Value::Variable(text) => parse(text.trim()),
            Value::List(_) => None,
        };
        self.put(target, key, allowed, parsed);
    }

    /// The same for a list. One value alone is a list of one.
    pub(super) fn set_list<T>(
        &mut self,
        target: &mut Vec<T>,
        key: &str,
        allowed: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) {
        let Some(setting) = self.found.get(key) else { return };
        let parsed = match &setting.value {
            Value::Text(text) => parse(text.trim()).map(|item| vec![item]),
            Value::List(items) => items.iter().map(|item| parse(item.trim())).collect(),
            Value::Variable(text) => text.split(',').map(|item| parse(item.trim())).collect(),
        };
        self.put(target, key, allowed, parsed);
    }

    fn put<T>(&mut self, target: &mut T, key: &str, allowed: &str, parsed: Option<T>) {
        match (parsed, self.found.get(key)) {
            (Some(value), _) => *target = value,
            (None, Some(setting)) => {
                let value = match &setting.value {
                    _ if SECRET.contains(&key) => String::new(),
                    Value::Text(text) | Value::Variable(text) => format!(", not {text:?}"),
                    Value::List(_) => ", not a list".into(),
                };
                self.problems.push(format!("{key} ({}) must be {allowed}{value}", setting.origin));
            }
            (None, None) => {}
        }
    }

    /// The result, unless anything was wrong.
    pub(super) fn finish<T>(self, result: T) -> Result<T, Problems> {
        if self.problems.is_empty() { Ok(result) } else { Err(Problems(self.problems)) }
    }
}

/// There is no such file, or none that we could name: the working folder may be somebody else's.
fn cannot_be_there(path: &Path) -> bool {
    let found = fs::metadata(path).map_err(|error| error.kind());
    matches!(found, Err(io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied))
}

/// A plain YAML value as it could have been written in the environment.
fn scalar(yaml: &Yaml) -> Option<String> {
    match yaml {
        Yaml::String(text) | Yaml::Real(text) => Some(text.clone()),
        Yaml::Integer(number) => Some(number.to_string()),
        Yaml::Boolean(truth) => Some(truth.to_string()),
        _ => None,
    }
}
