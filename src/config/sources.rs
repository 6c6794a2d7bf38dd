//! Where settings come from, before anyone knows what they mean: texts and lists of texts under flat names, each with
//! its origin.
//!
//! Every text is a [`Secret`] from the moment it is read. A complaint quotes what it is about only when the setting's type is
//! [`Shown`], which `Secret` is not: `Settings::set` does not compile for a setting that holds one.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::{fmt, io};

use fs_err as fs;
use yaml_rust2::{Yaml, YamlLoader};

use super::near_miss;
use super::secret::{Secret, without_password};

/// Read in the working folder when no other file is named.
const DEFAULT_FILE: &str = "config.yaml";

/// What settings may be made of whose values are quoted when they are wrong.
pub(super) trait Shown {}

impl Shown for () {}
impl Shown for bool {}
impl Shown for u32 {}
impl Shown for String {}
impl Shown for std::net::SocketAddr {}
impl Shown for std::path::PathBuf {}
impl Shown for ipnet::IpNet {}
impl Shown for super::LogFormat {}
impl Shown for super::PublicUrl {}
impl Shown for super::Registration {}
impl<T: Shown> Shown for Option<T> {}
impl<T: Shown> Shown for Vec<T> {}

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
    Text(Secret),
    /// A list in a file.
    List(Vec<Secret>),
    /// A variable: one value, or several with commas between; which of them, the setting knows.
    Variable(Secret),
}

impl Value {
    /// As one value.
    fn one(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Variable(text) => Some(text.expose().trim()),
            Self::List(_) => None,
        }
    }

    /// As a list. One value alone is a list of one.
    fn list(&self) -> Vec<&str> {
        match self {
            Self::Text(text) => vec![text.expose().trim()],
            Self::List(items) => items.iter().map(|item| item.expose().trim()).collect(),
            Self::Variable(text) => text.expose().split(',').map(str::trim).collect(),
        }
    }

    /// For a complaint about a setting that is no secret. An address may hold a password all the same.
    fn quoted(&self) -> String {
        match self {
            Self::Text(text) | Self::Variable(text) => format!(", not {:?}", without_password(text.expose())),
            Self::List(_) => ", not a list".into(),
        }
    }
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
    file: Option<PathBuf>,
    problems: Vec<String>,
}

impl Settings {
    /// Reads the file (`None`: the default one, which may be absent), then the environment over it.
    pub(super) fn read(
        keys: &'static [&'static str],
        file: Option<&Path>,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let mut settings = Self { keys, found: BTreeMap::new(), file: None, problems: Vec::new() };
        let path = file.unwrap_or(Path::new(DEFAULT_FILE));
        match fs::read_to_string(path) {
            Ok(text) => {
                settings.file = Some(path.to_owned());
                settings.read_yaml(&text, &path.display().to_string());
            }
            Err(_) if file.is_none() && cannot_be_there(path) => {}
            Err(error) => settings.problems.push(error.to_string()),
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
                // Below a setting that is no group nothing is a name, and all of it may be a secret.
                Yaml::Hash(_) if self.keys.contains(&key.as_str()) => self.add(&key, None, origin),
                Yaml::Hash(_) => self.read_map(&format!("{key}."), value, file),
                Yaml::Array(items) => {
                    let items: Option<Vec<_>> = items.iter().map(|item| scalar(item).map(Secret::new)).collect();
                    self.add(&key, items.map(Value::List), origin);
                }
                _ => self.add(&key, scalar(value).map(|text| Value::Text(Secret::new(text))), origin),
            }
        }
    }

    /// Of the many variables of an environment only those count that are a setting's name, begin with a group's, or were
    /// most likely meant to be one.
    fn read_env(&mut self, env: impl IntoIterator<Item = (String, String)>) {
        let variables: Vec<(String, Secret)> = env
            .into_iter()
            .filter(|(_, value)| !value.trim().is_empty())
            .map(|(name, value)| (name, Secret::new(value)))
            .collect();
        let is_set = |name: &str| variables.iter().any(|(other, _)| other == name);
        for (name, _) in &variables {
            let key = key_of(name);
            let counts = self.keys.contains(&key.as_str()) || self.begins_with_group(&key);
            if !(counts && is_upper(name))
                && let Some(meant) = near_miss::of_variable(name, self.keys, is_set)
            {
                self.problems.push(format!("{name} in the environment is not a setting; did you mean {meant}?"));
            }
        }
        for (name, value) in variables.into_iter().filter(|(name, _)| is_upper(name)) {
            let key = key_of(&name);
            if self.keys.contains(&key.as_str()) || self.begins_with_group(&key) {
                self.add(&key, Some(Value::Variable(value)), format!("{name} in the environment"));
            }
        }
    }

    fn begins_with_group(&self, key: &str) -> bool {
        key.split_once('.').is_some_and(|(group, _)| self.is_group(group))
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
            // A missing space after the colon makes a name of the value too.
            let is_of_a_name = |c: &char| c.is_alphanumeric() || "_.-".contains(*c);
            let shown: String = key.chars().take_while(is_of_a_name).collect();
            let hint = match near_miss::of_key(key, self.keys) {
                Some(meant) if !self.is_group(key) => format!("did you mean {meant}?"),
                _ => "config.example.yaml lists them all".to_owned(),
            };
            self.problems.push(format!("{shown} ({origin}) {what}; {hint}"));
        }
        known
    }

    /// Is `name` what stands before the dot of a setting?
    fn is_group(&self, name: &str) -> bool {
        self.keys.iter().any(|key| key.split_once('.').is_some_and(|(group, _)| group == name))
    }

    /// The file that was read.
    pub(super) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
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
    pub(super) fn set<T: Shown>(
        &mut self,
        target: &mut T,
        key: &str,
        allowed: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) {
        let Some(setting) = self.found.get(key) else { return };
        match setting.value.one().and_then(parse) {
            Some(value) => *target = value,
            None => self.refuse(key, allowed, Value::quoted),
        }
    }

    /// The same for a list. One value alone is a list of one.
    pub(super) fn set_list<T: Shown>(
        &mut self,
        target: &mut Vec<T>,
        key: &str,
        allowed: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) {
        let Some(setting) = self.found.get(key) else { return };
        match setting.value.list().into_iter().map(parse).collect() {
            Some(value) => *target = value,
            None => self.refuse(key, allowed, Value::quoted),
        }
    }

    /// The same for a secret, which no complaint quotes.
    pub(super) fn set_secret(
        &mut self,
        target: &mut Option<Secret>,
        key: &str,
        allowed: &str,
        takes: impl Fn(&str) -> bool,
    ) {
        let Some(setting) = self.found.get(key) else { return };
        match setting.value.one().filter(|text| takes(text)) {
            Some(text) => *target = Some(Secret::new(text)),
            None => self.refuse(key, allowed, |_| String::new()),
        }
    }

    /// The same for a list of secrets.
    pub(super) fn set_secrets(
        &mut self,
        target: &mut Vec<Secret>,
        key: &str,
        allowed: &str,
        takes: impl Fn(&str) -> bool,
    ) {
        let Some(setting) = self.found.get(key) else { return };
        let texts = setting.value.list();
        if texts.iter().all(|text| takes(text)) {
            *target = texts.into_iter().map(Secret::new).collect();
        } else {
            self.refuse(key, allowed, |_| String::new());
        }
    }

    fn refuse(&mut self, key: &str, allowed: &str, quoted: impl Fn(&Value) -> String) {
        if let Some(setting) = self.found.get(key) {
            let what = format!("{key} ({}) must be {allowed}{}", setting.origin, quoted(&setting.value));
            self.problems.push(what);
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

/// The setting that a variable of this name would be.
fn key_of(name: &str) -> String {
    name.to_lowercase().replace("__", ".")
}

fn is_upper(name: &str) -> bool {
    name == name.to_uppercase()
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
