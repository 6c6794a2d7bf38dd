//! What is wrong with a page, in which window and theme.

use serde_json::{Value, json};

use super::Browser;

/// The observer tells of what was before it too, a moment later.
const SHIFTS: &str = "new Promise((resolve) => {
    const shifts = [];
    new PerformanceObserver((list) => shifts.push(...list.getEntries())).observe({ type: 'layout-shift', buffered: true });
    setTimeout(() => resolve(shifts.filter(({ hadRecentInput }) => !hadRecentInput).map(({ value, sources }) =>
        `moved by ${value}: ${sources.map(({ node }) => node?.outerHTML?.slice(0, 120))}`)), 250);
})";

impl Browser {
    /// A window of this width in CSS pixels; below 600 a phone.
    pub async fn resize(&self, width: u32, height: u32) {
        let phone = width < 600;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
        self.devtools("Emulation.setTouchEmulationEnabled", json!({ "enabled": phone })).await;
    }

    /// A window of this width and so tall that the whole page is in it. Its pixels are coarse, since nobody looks at them
    /// and a long page has many.
    pub async fn resize_to_page(&self, width: u32) {
        let height = self.value::<u32>("document.documentElement.scrollHeight").await;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 0.2, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// What the system prefers: `light` or `dark`; without motion, so that colours are there at once.
    pub async fn prefer(&self, theme: &str) {
        let scheme = json!({ "name": "prefers-color-scheme", "value": theme });
        let still = json!({ "name": "prefers-reduced-motion", "value": "reduce" });
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": [scheme, still] })).await;
        let drawn = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))";
        self.value::<bool>(drawn).await;
        self.until("document.getAnimations().every(({ playState }) => playState !== 'running')").await;
    }

    /// What axe-core (all its rules, or the one named) has against the page, one line a finding.
    pub async fn axe(&self, rule: Option<&str>) -> Vec<String> {
        if !self.value::<bool>("'axe' in window").await {
            self.execute(include_str!("../axe/axe.min.js"), vec![]).await.unwrap();
        }
        // The one rule of WCAG 2.2 AA that axe-core leaves off unless asked.
        let all = json!({ "rules": { "target-size": { "enabled": true } } });
        let options = rule.map_or(all, |rule| json!({ "runOnly": { "type": "rule", "values": [rule] } }));
        self.value_with(
            "axe.run(document, { ...$0, resultTypes: ['violations'], preload: false }).then(({ violations }) => violations.flatMap(
                ({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}\n    ${failureSummary}`)))",
            options,
        )
        .await
    }

    /// What moved on the page since it was opened, other than by a person's doing (the metric is called CLS).
    pub async fn shifts(&self) -> Vec<String> {
        self.value(SHIFTS).await
    }

    /// Since the last call: what the console complained of (broken promises of the content security policy among it),
    /// apart from lines with one of the `expected` texts, and requests to anywhere but Lumina.
    pub async fn complaints(&self, expected: &[&str]) -> Vec<String> {
        let console = self.get_log("browser").await.unwrap().into_iter();
        let console =
            console.filter(|entry| entry.level != "INFO" && entry.level != "DEBUG").map(|entry| entry.message);
        let traffic = self.get_log("performance").await.unwrap().into_iter().filter_map(|entry| {
            let event: Value = serde_json::from_str(&entry.message).unwrap();
            let url = event.pointer("/message/params/request/url").and_then(Value::as_str)?;
            let home = format!("{}/", self.base);
            // The browser's own start page is `chrome:`.
            let ours = [home.as_str(), "data:", "blob:", "chrome:"].iter().any(|start| url.starts_with(start));
            (!ours).then(|| format!("request to {url}"))
        });
        console.chain(traffic).filter(|line| !expected.iter().any(|text| line.contains(text))).collect()
    }

    /// Ends the test if there are [`Browser::complaints`].
    pub async fn assert_quiet(&self, expected: &[&str]) {
        let complaints = self.complaints(expected).await;
        assert!(complaints.is_empty(), "{complaints:#?}");
    }
}
