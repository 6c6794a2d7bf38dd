//! What the doctor says: line by line for people, or one JSON document.

use serde::Serialize;

use crate::album::examine::Finding;

/// The most findings that are kept for the JSON document: after that they are counted only.
const MOST: usize = 10_000;

/// One thing that was tried.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    name: &'static str,
    state: State,
    detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    /// Good to know, and no fault.
    Note,
    Wrong,
}

impl Check {
    pub(super) fn fine(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, state: State::Ok, detail: detail.into() }
    }

    pub(super) fn note(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, state: State::Note, detail: detail.into() }
    }

    pub(super) fn wrong(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, state: State::Wrong, detail: detail.into() }
    }
}

/// What became of a finding.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome", content = "detail")]
pub(super) enum Outcome {
    /// Nothing was asked for; what would help.
    Found(&'static str),
    /// It is as it should be now.
    Repaired(&'static str),
    /// It stays; why, and what to do.
    Left(String),
}

#[derive(Debug, Serialize)]
struct Reported {
    #[serde(flatten)]
    finding: Finding,
    message: String,
    #[serde(flatten)]
    outcome: Outcome,
}

/// Everything that was looked at.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    #[serde(skip)]
    json: bool,
    clean: bool,
    checks: Vec<Check>,
    photos: u64,
    objects: u64,
    /// Objects of the last days that no row names: the server removes them a week after it has found them.
    unnamed_objects: u64,
    /// Photos whose renditions an older version has made; they are shown all the same.
    outdated_renditions: u64,
    findings: Vec<Reported>,
    /// Those that are not in `findings`, because they are too many.
    further_findings: u64,
    repaired: u64,
    #[serde(skip)]
    open: u64,
}

impl Report {
    pub(super) fn begin(json: bool) -> Self {
        Self { json, clean: true, ..Self::default() }
    }

    pub(super) fn check(&mut self, check: Check) {
        self.clean &= check.state != State::Wrong;
        if !self.json {
            let mark = match check.state {
                State::Ok => "ok   ",
                State::Note => "note ",
                State::Wrong => "WRONG",
            };
            println!("{mark}  {}: {}", check.name, check.detail);
        }
        self.checks.push(check);
    }

    pub(super) fn photo(&mut self, objects: usize, outdated: bool) {
        self.photos += 1;
        self.objects += objects as u64;
        self.outdated_renditions += u64::from(outdated);
    }

    pub(super) fn object(&mut self) {
        self.objects += 1;
    }

    pub(super) fn unnamed(&mut self, objects: u64) {
        self.unnamed_objects += objects;
    }

    /// `above` prints a line where a progress bar may be.
    pub(super) fn finding(&mut self, finding: Finding, outcome: Outcome, above: impl Fn(String)) {
        let message = finding.to_string();
        match &outcome {
            Outcome::Repaired(_) => self.repaired += 1,
            _ => (self.open, self.clean) = (self.open + 1, false),
        }
        if !self.json {
            above(match &outcome {
                Outcome::Found(what) => format!("WRONG  {message}. {what}"),
                Outcome::Repaired(what) => format!("mended {message}: {what}"),
                Outcome::Left(why) => format!("LEFT   {message}. {why}"),
            });
        }
        if self.findings.len() < MOST {
            self.findings.push(Reported { finding, message, outcome });
        } else {
            self.further_findings += 1;
        }
    }

    pub(super) fn is_clean(&self) -> bool {
        self.clean
    }

    pub(super) fn finish(&self) {
        if self.json {
            println!("{}", serde_json::to_string_pretty(self).unwrap_or_default());
            return;
        }
        let mended = if self.repaired > 0 { format!(", {} mended", self.repaired) } else { String::new() };
        let verdict = match (self.clean, self.open) {
            (true, _) => "all is well".into(),
            (false, 0) => "see above".into(),
            (false, open) => format!("{open} findings"),
        };
        println!("{} photos, {} objects: {verdict}{mended}.", self.photos, self.objects);
        if self.unnamed_objects > 0 {
            println!(
                "{} objects are named by no row: the server removes them a week after it has found them.",
                self.unnamed_objects
            );
        }
        if self.outdated_renditions > 0 {
            println!(
                "The smaller copies of {} photos are of an older version: `lumina renditions` makes them anew.",
                self.outdated_renditions
            );
        }
    }
}
