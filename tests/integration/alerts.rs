//! The alerting rules, as Prometheus's own program judges them.

use std::process::Command;

const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/prometheus-alerts.yaml");

/// What Prometheus has seen in twenty minutes, one value a minute, and which alerts it raises then.
struct Case {
    what: &'static str,
    series: &'static [(&'static str, &'static str)],
    alerts: &'static [&'static str],
}

const UP: (&str, &str) = ("up{job=\"lumina\",instance=\"a:443\"}", "1x20");
const DATABASE: (&str, &str) = ("lumina_database_up{job=\"lumina\",instance=\"a:443\"}", "1x20");
const STORAGE: (&str, &str) = ("lumina_storage_up{job=\"lumina\",instance=\"a:443\"}", "1x20");
const WELL: &str =
    "http_requests_total{job=\"lumina\",instance=\"a:443\",method=\"GET\",route=\"/photos\",status=\"200\"}";

const CASES: [Case; 9] = [
    Case { what: "all is well", series: &[UP, DATABASE, STORAGE, (WELL, "0+600x20")], alerts: &[] },
    Case {
        what: "Lumina does not answer",
        series: &[("up{job=\"lumina\",instance=\"a:443\"}", "1x10 0x10")],
        alerts: &["LuminaAway"],
    },
    Case {
        what: "Prometheus has lost it",
        series: &[("up{job=\"other\",instance=\"b:1\"}", "1x20")],
        alerts: &["LuminaAway"],
    },
    Case {
        what: "the database is away",
        series: &[UP, ("lumina_database_up{job=\"lumina\",instance=\"a:443\"}", "0x20"), STORAGE],
        alerts: &["LuminaAway"],
    },
    Case {
        what: "the storage is away",
        series: &[UP, DATABASE, ("lumina_storage_up{job=\"lumina\",instance=\"a:443\"}", "0x20")],
        alerts: &["LuminaAway"],
    },
    Case {
        what: "uploads are answered with 503",
        series: &[
            UP,
            DATABASE,
            STORAGE,
            (WELL, "0+600x20"),
            (
                "http_requests_total{job=\"lumina\",instance=\"a:443\",method=\"POST\",route=\"/photos\",status=\"503\"}",
                "0+30x20",
            ),
        ],
        alerts: &["LuminaFails"],
    },
    Case {
        what: "uploads are answered with 507",
        series: &[
            UP,
            DATABASE,
            STORAGE,
            (WELL, "0+600x20"),
            (
                "http_requests_total{job=\"lumina\",instance=\"a:443\",method=\"POST\",route=\"/photos\",status=\"507\"}",
                "0+30x20",
            ),
        ],
        alerts: &["LuminaFails"],
    },
    Case {
        what: "pages are answered with 500",
        series: &[
            UP,
            DATABASE,
            STORAGE,
            (WELL, "0+600x20"),
            (
                "http_requests_total{job=\"lumina\",instance=\"a:443\",method=\"GET\",route=\"/photos\",status=\"500\"}",
                "0+30x20",
            ),
        ],
        alerts: &["LuminaFails"],
    },
    Case {
        what: "one request in two hundred fails",
        series: &[
            UP,
            DATABASE,
            STORAGE,
            (WELL, "0+600x20"),
            (
                "http_requests_total{job=\"lumina\",instance=\"a:443\",method=\"GET\",route=\"/photos\",status=\"500\"}",
                "0+3x20",
            ),
        ],
        alerts: &[],
    },
];

#[test]
fn an_alert_is_raised_when_lumina_is_down_and_when_it_fails_whatever_the_status() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alerts_test.yaml");
    std::fs::write(&file, tests()).unwrap();
    let output = Command::new("promtool").args(["test", "rules"]).arg(&file).output().expect("./dev test installs it");
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{said}");
}

/// A file for `promtool test rules`.
fn tests() -> String {
    let mut text = format!("rule_files: [{RULES}]\nevaluation_interval: 1m\ntests:\n");
    for Case { what, series, alerts } in CASES {
        text.push_str(&format!("  - name: {what}\n    interval: 1m\n    input_series:\n"));
        for (series, values) in series {
            text.push_str(&format!("      - {{ series: '{series}', values: '{values}' }}\n"));
        }
        text.push_str("    promql_expr_test:\n");
        for alert in ["LuminaAway", "LuminaFails", "LuminaSlow"] {
            let expected = if alerts.contains(&alert) { "[{ labels: '{}', value: 1 }]" } else { "[]" };
            text.push_str(&format!(
                "      - expr: count(ALERTS{{alertname=\"{alert}\",alertstate=\"firing\"}})\n        \
                 eval_time: 20m\n        exp_samples: {expected}\n"
            ));
        }
    }
    text
}
