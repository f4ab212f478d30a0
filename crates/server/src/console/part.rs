//! Small parts of pages. Everything that is put into them is escaped.

use jiff::Timestamp;
use maud::{Markup, html};

use super::form::Form;

/// The mark beside the name.
pub(super) fn mark() -> Markup {
    html! { span.mark aria-hidden="true" {} }
}

/// A time, exact and as people say it.
pub(super) fn time(at: Timestamp, now: Timestamp) -> Markup {
    let exact = at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    html! { time datetime=(at.to_string()) title=(exact) { (at.strftime("%Y-%m-%d %H:%M").to_string()) } " " span.muted { "(" (ago(at, now)) ")" } }
}

/// A moment of the last minutes, to the second.
pub(super) fn exact(at: Timestamp) -> Markup {
    html! { time datetime=(at.to_string()) { (at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()) } }
}

/// `3 minutes ago`, `in 2 days`.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs();
    let (number, unit) = match seconds.unsigned_abs() {
        0..45 => return if seconds < 0 { "in a moment" } else { "just now" }.to_owned(),
        n @ 45..3600 => (n.div_ceil(60), "minute"),
        n @ 3600..86_400 => (n / 3600, "hour"),
        n => (n / 86_400, "day"),
    };
    let plural = if number == 1 { "" } else { "s" };
    if seconds < 0 { format!("in {number} {unit}{plural}") } else { format!("{number} {unit}{plural} ago") }
}

/// A word in a frame. `kind` is one of the style sheet's: `good`, `bad`, `warn`, or empty.
pub(super) fn badge(kind: &str, text: &str) -> Markup {
    html! { span class={ "badge " (kind) } { (text) } }
}

/// A word list.
pub(super) fn words(words: &[String]) -> Markup {
    html! { @for (index, word) in words.iter().enumerate() { @if index > 0 { ", " } code { (word) } } }
}

/// A line of commas with room to break it.
pub(super) fn spaced(line: &str) -> String {
    line.split(',').map(str::trim_start).collect::<Vec<_>>().join(", ")
}

/// A text whose words in backticks are names of things.
pub(super) fn coded(text: &str) -> Markup {
    html! { @for (index, part) in text.split('`').enumerate() { @if index % 2 == 1 { code { (part) } } @else { (part) } } }
}

/// Says that there is nothing, and what to do next.
pub(super) fn empty(text: &str, next: Markup) -> Markup {
    html! { div.empty { p { (text) } (next) } }
}

/// A wide table that can be moved sideways, by keyboard too.
pub(super) fn wide(label: &str, table: Markup) -> Markup {
    html! { div.wide role="region" aria-label={ "Table: " (label) } tabindex="0" { (table) } }
}

/// A line of text to fill in.
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) label: &'a str,
    pub(super) value: &'a str,
    pub(super) help: &'a str,
    pub(super) error: Option<&'a str>,
}

impl Field<'_> {
    /// One line.
    pub(super) fn line(&self) -> Markup {
        self.around(html! {
            input type="text" id=(self.name) name=(self.name) value=(self.value) autocomplete="off" spellcheck="false"
                autocapitalize="none" aria-invalid=[self.error.map(|_| "true")] aria-describedby=[self.described()];
        })
    }

    /// A day and a time.
    pub(super) fn moment(&self) -> Markup {
        // `2030-01-31T18:00`, with seconds or without them.
        let step = if self.value.len() > 16 { "1" } else { "60" };
        self.around(html! {
            input type="datetime-local" id=(self.name) name=(self.name) value=(self.value) step=(step)
                aria-invalid=[self.error.map(|_| "true")] aria-describedby=[self.described()];
        })
    }

    /// One line, with options that the page's script asks a URL of the console for while somebody types.
    pub(super) fn suggesting(&self, url: &str) -> Markup {
        let list = format!("{}-options", self.name);
        self.around(html! {
            input type="text" id=(self.name) name=(self.name) value=(self.value) autocomplete="off" spellcheck="false"
                autocapitalize="none" list=(list) data-suggest=(url)
                aria-invalid=[self.error.map(|_| "true")] aria-describedby=[self.described()];
            datalist id=(list) {}
        })
    }

    /// Several lines.
    pub(super) fn lines(&self) -> Markup {
        self.around(html! {
            textarea id=(self.name) name=(self.name) rows="3" spellcheck="false"
                aria-invalid=[self.error.map(|_| "true")] aria-describedby=[self.described()] { (self.value) }
        })
    }

    /// One of several.
    pub(super) fn choice(&self, options: &[(String, String)]) -> Markup {
        self.around(html! {
            select id=(self.name) name=(self.name) aria-invalid=[self.error.map(|_| "true")] aria-describedby=[self.described()] {
                @for (value, text) in options {
                    option value=(value) selected[value == self.value] { (text) }
                }
            }
        })
    }

    fn described(&self) -> Option<String> {
        let help = (!self.help.is_empty()).then(|| format!("{}-help", self.name));
        let error = self.error.map(|_| format!("{}-error", self.name));
        let all: Vec<String> = help.into_iter().chain(error).collect();
        (!all.is_empty()).then(|| all.join(" "))
    }

    fn around(&self, control: Markup) -> Markup {
        html! {
            div.field {
                label for=(self.name) { (self.label) }
                (control)
                @if !self.help.is_empty() { p.help id={ (self.name) "-help" } { (self.help) } }
                @if let Some(error) = self.error { p.error id={ (self.name) "-error" } { (error) } }
            }
        }
    }
}

/// A page of a longer list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Paging {
    pub(super) page: usize,
    pub(super) size: usize,
    pub(super) total: usize,
}

impl Paging {
    pub(super) fn of(query: &Form, size: usize, total: usize) -> Paging {
        let last = total.div_ceil(size).max(1);
        Paging { page: query.page().min(last), size, total }
    }
    /// How many stand before this page.
    pub(super) fn skip(self) -> usize {
        (self.page - 1) * self.size
    }
    /// Where one is, and the ways on. `query` is that of the page.
    pub(super) fn links(self, query: &Form, what: &str) -> Markup {
        let last = self.total.div_ceil(self.size).max(1);
        let end = (self.skip() + self.size).min(self.total);
        let url = |page: usize| format!("?{}", query.with("page", &page.to_string()).to_query());
        html! {
            nav.paging aria-label="Pages" {
                p { @if self.total == 0 { "No " (what) } @else { (self.skip() + 1) "–" (end) " of " (self.total) " " (what) } }
                @if self.page > 1 { a rel="prev" href=(url(self.page - 1)) { "Previous" } }
                @if self.page < last { a rel="next" href=(url(self.page + 1)) { "Next" } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_say_them() {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let at = |seconds: i64| Timestamp::from_second(1_700_000_000 + seconds).unwrap();
        for (seconds, text) in [
            (0, "just now"),
            (-60, "1 minute ago"),
            (-7200, "2 hours ago"),
            (-86_400, "1 day ago"),
            (10, "in a moment"),
            (86_400 * 3, "in 3 days"),
        ] {
            assert_eq!(ago(at(seconds), now), text);
        }
    }

    #[test]
    fn pages_stay_within_the_list() {
        let paging = Paging::of(&Form::of(&[("page", "99")]), 50, 120);
        assert_eq!((paging.page, paging.skip()), (3, 100));
        assert_eq!(Paging::of(&Form::default(), 50, 0).page, 1);
    }
}
