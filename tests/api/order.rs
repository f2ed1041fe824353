//! The order of the house: a file imports only what stands above its own folder in the list of `src/lib.rs`. No exceptions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

/// What a file names of the server, by the first word after `crate::`; its own tests are left out.
struct Imports {
    /// How many modules the file is below the root.
    depth: usize,
    named: BTreeSet<String>,
}

impl Imports {
    /// The first word of a path that starts at the root, whether it says `crate` or climbs there by `super`.
    fn add(&mut self, words: &[String]) {
        let climbs = words.iter().take_while(|word| *word == "super").count();
        let rest = match words.first().map(String::as_str) {
            Some("crate") => &words[1..],
            Some("super") if climbs == self.depth => &words[climbs..],
            _ => return,
        };
        self.named.extend(rest.first().cloned());
    }

    fn add_use(&mut self, tree: &syn::UseTree, before: &[String]) {
        let with = |word: &syn::Ident| [before, &[word.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.add_use(&path.tree, &with(&path.ident)),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.add_use(item, before)),
            syn::UseTree::Name(name) => self.add(&with(&name.ident)),
            syn::UseTree::Rename(rename) => self.add(&with(&rename.ident)),
            syn::UseTree::Glob(_) => self.add(before),
        }
    }

    /// In a macro there are only words: `crate :: x`.
    fn add_tokens(&mut self, tokens: proc_macro2::TokenStream) {
        let mut words: Vec<String> = Vec::new();
        for token in tokens {
            match token {
                proc_macro2::TokenTree::Group(group) => {
                    self.add(&std::mem::take(&mut words));
                    self.add_tokens(group.stream());
                }
                proc_macro2::TokenTree::Ident(word) => words.push(word.to_string()),
                proc_macro2::TokenTree::Punct(sign) if sign.as_char() == ':' => {}
                _ => self.add(&std::mem::take(&mut words)),
            }
        }
        self.add(&words);
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    let cfg = |attribute: &&syn::Attribute| attribute.path().is_ident("cfg");
    attributes.iter().filter(cfg).any(|one| one.parse_args::<syn::Ident>().is_ok_and(|word| word == "test"))
}

impl<'ast> Visit<'ast> for Imports {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_use(&item.tree, &[]);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            self.depth += 1;
            visit::visit_item_mod(self, item);
            self.depth -= 1;
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let words: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.add(&words);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.add_tokens(called.tokens.clone());
        visit::visit_macro(self, called);
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The folders and files in the order of the list.
fn order() -> Vec<String> {
    let list = syn::parse_file(&std::fs::read_to_string(root().join("lib.rs")).unwrap()).unwrap();
    let modules = list.items.iter().filter_map(|item| match item {
        syn::Item::Mod(module) => Some(module.ident.to_string()),
        _ => None,
    });
    modules.collect()
}

/// What the file at this path below `src` names.
fn imports(path: &Path, text: &str) -> BTreeSet<String> {
    let folders = path.components().count();
    let depth = if path.file_stem().is_some_and(|name| name == "mod") { folders - 1 } else { folders };
    let mut found = Imports { depth, named: BTreeSet::new() };
    found.visit_file(&syn::parse_file(text).unwrap_or_else(|why| panic!("{}: {why}", path.display())));
    found.named
}

/// Every file of a folder in the list: its path below `src`, the folder, and its text.
fn files() -> Vec<(PathBuf, String, String)> {
    let (mut files, mut folders) = (Vec::new(), vec![root()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let below = path.strip_prefix(root()).unwrap().to_owned();
            let top =
                below.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
            let is_code = path.extension().is_some_and(|extension| extension == "rs");
            if is_code && top != "lib" && top != "main" {
                files.push((below, top, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files
}

#[test]
fn a_file_imports_only_what_stands_above_its_own_folder() {
    let order = order();
    let place = |name: &str| order.iter().position(|known| known == name);
    let mut wrong: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, top, text) in files() {
        let own = place(&top).unwrap_or_else(|| panic!("{top} is not in the list of src/lib.rs"));
        for named in imports(&path, &text) {
            if place(&named).is_some_and(|other| other > own) {
                wrong.entry(path.display().to_string()).or_default().push(named);
            }
        }
    }
    assert!(wrong.is_empty(), "these import from below: {wrong:#?}");
}

#[test]
fn an_import_is_seen_however_it_is_written() {
    let seen = |path: &str, text: &str| imports(Path::new(path), text).into_iter().collect::<Vec<_>>();
    assert_eq!(seen("a/b.rs", "use crate::{x::{self, y}, z as w};"), ["x", "z"]);
    assert_eq!(seen("a/b.rs", "fn f() { let v: crate::x::T = vec![crate::y::g(1)]; }"), ["x", "y"]);
    assert_eq!(seen("a/b.rs", "use super::super::x; use super::y;"), ["x"]);
    assert_eq!(seen("a/mod.rs", "use super::x; mod inner { use super::super::y; use super::z; }"), ["x", "y"]);
    assert_eq!(seen("a.rs", "macro_rules! m { () => { $crate::x::f() }; }"), ["x"]);
    assert_eq!(seen("a.rs", "#[cfg(test)] mod tests { use crate::x; } pub(crate) fn f() {}"), [""; 0]);
}

#[test]
fn no_place_but_the_database_layer_asks_which_database_it_is() {
    for (path, top, text) in files() {
        for word in ["Conn::Pg", "Conn::Sqlite", "is_sqlite", "is_postgres", "sqlite_path"] {
            assert!(top == "db" || !text.contains(word), "{} asks for {word}", path.display());
        }
    }
}

/// Who may speak HTTP: the doors, what they share, and the error that they answer with.
const SPEAK_HTTP: [&str; 7] = ["error", "http", "pages", "api", "server", "openapi", "demo"];

#[test]
fn verbs_know_no_http() {
    for (path, top, text) in files() {
        let speaks = text.contains("actix_web") || text.contains("HttpRe");
        assert!(!speaks || SPEAK_HTTP.contains(&top.as_str()), "{} speaks HTTP", path.display());
    }
}

/// Parameters of each function, tuples unpacked, and whether one is a tuple that is only taken apart; `self` is none.
#[derive(Default)]
struct Wide(Vec<String>);

impl Wide {
    fn look(&mut self, signature: &syn::Signature) {
        let mut count = 0;
        for input in &signature.inputs {
            let syn::FnArg::Typed(typed) = input else { continue };
            if let syn::Pat::Tuple(tuple) = &*typed.pat {
                count += tuple.elems.len();
                self.0.push(format!("{} packs parameters into a tuple", signature.ident));
            } else {
                count += 1;
            }
        }
        if count > MOST_PARAMETERS {
            self.0.push(format!("{} has {count} parameters", signature.ident));
        }
    }
}

/// A sixth is a sign that a type is missing.
const MOST_PARAMETERS: usize = 5;
/// Lines between the braces of a handler: what is read, which verb runs, what is shown.
const LONGEST_HANDLER: usize = 15;

impl<'ast> Visit<'ast> for Wide {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.look(&item.sig);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.look(&item.sig);
        visit::visit_impl_item_fn(self, item);
    }
}

fn wide(text: &str) -> Vec<String> {
    let mut wide = Wide::default();
    wide.visit_file(&syn::parse_file(text).unwrap());
    wide.0
}

#[test]
fn no_function_has_more_than_five_parameters_and_none_packs_them() {
    let found: Vec<String> = files()
        .into_iter()
        .flat_map(|(path, _, text)| wide(&text).into_iter().map(move |line| format!("{}: {line}", path.display())))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
    assert_eq!(wide("fn f(a: A, (b, c): (B, C)) {} impl X { fn g(&self, a: A, b: A, c: A, d: A, e: A) {} }").len(), 1);
    assert_eq!(wide("fn f(a: A, b: A, c: A, (d, e): (A, A), f: A) {}").len(), 2);
}

#[test]
fn a_handler_has_fifteen_lines_at_most() {
    let mut long = Vec::new();
    for (path, _, text) in files().into_iter().filter(|(path, ..)| path.starts_with("api")) {
        let lines: Vec<&str> = text.lines().collect();
        let is_route =
            |line: &str| ["get", "post", "put", "patch", "delete"].iter().any(|m| line.starts_with(&format!("#[{m}(")));
        for at in lines.iter().enumerate().filter(|(_, line)| is_route(line)).map(|(at, _)| at) {
            let opens = at + lines[at..].iter().position(|line| line.ends_with('{')).unwrap();
            let length = lines[opens..].iter().position(|line| *line == "}").unwrap() - 1;
            if length > LONGEST_HANDLER {
                long.push(format!("{}: {}: {length} lines", path.display(), lines[at]));
            }
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn a_plans_row_is_written_in_one_place() {
    // A change of a plan without its revision would be a hole in what is known of the past. `restore` only holds reminders back.
    for (path, _, text) in files() {
        let text: String = text.split_whitespace().collect();
        let is_one_of = |files: &[&str]| files.iter().any(|file| path == Path::new(file));
        assert!(!text.contains("update(plans::table") || is_one_of(&["plans/store.rs", "cli/restore.rs"]), "{path:?}");
        assert_eq!(text.contains("store::update(ctx.c,&after"), is_one_of(&["plans/revisions.rs"]), "{path:?}");
    }
}
