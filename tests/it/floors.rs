//! The floors of ARCHITECTURE.md: a module imports from those below its own, and the rooms of one floor form no circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The floors, from the ground up.
const FLOORS: [&str; 11] = [
    "base",
    "access",
    "act",
    "registry",
    "cards",
    "membership",
    "programme",
    "informing",
    "phone",
    "server",
    "cli",
];

/// One import, as `floor::room`, and where it stands.
struct Import {
    from: Vec<String>,
    to: Vec<String>,
    location: String,
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The module that a file holds, such as `cards::keys::store`.
fn module_of(file: &Path) -> Vec<String> {
    let path = file.strip_prefix(sources()).unwrap().with_extension("");
    let mut names: Vec<_> = path.iter().map(|name| name.to_str().unwrap().to_owned()).collect();
    names.pop_if(|name| matches!(name.as_str(), "mod" | "lib" | "main"));
    names
}

/// Every path of a text that begins with `crate` or `super`, with its braces opened, and the number of its line.
fn paths(text: &str) -> Vec<(usize, Vec<String>)> {
    let code: Vec<_> = text.lines().map(|line| line.split("//").next().unwrap()).collect();
    let code = code.join("\n");
    let mut found = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let before = &code[..at];
            if before.ends_with(|last: char| last.is_alphanumeric() || "_:$".contains(last)) {
                continue;
            }
            let line = before.matches('\n').count() + 1;
            let mut opened = Vec::new();
            open(&code[at..], &mut Vec::new(), &mut opened);
            found.extend(opened.into_iter().map(|path| (line, path)));
        }
    }
    found
}

/// Reads one path, or in braces several; answers what is left of the text.
fn open<'a>(text: &'a str, parents: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> &'a str {
    let mut rest = text.trim_start();
    let depth = parents.len();
    while let Some(end) = rest.find(|c: char| !c.is_alphanumeric() && c != '_').filter(|end| *end > 0) {
        parents.push(rest[..end].to_owned());
        rest = &rest[end..];
        match rest.strip_prefix("::") {
            Some(after) => rest = after,
            None => break,
        }
    }
    if let Some(mut inside) = rest.strip_prefix('{') {
        loop {
            inside = open(inside, parents, found).trim_start();
            match inside.strip_prefix(',') {
                Some(after) if !after.trim_start().starts_with('}') => inside = after,
                Some(after) => break rest = after.trim_start(),
                None => break rest = inside,
            }
        }
        rest = rest.strip_prefix('}').unwrap_or(rest);
    } else {
        found.push(parents.clone());
    }
    parents.truncate(depth);
    rest
}

/// The path from the root of the crate on.
fn resolve(module: &[String], path: &[String]) -> Vec<String> {
    let ups = path.iter().take_while(|name| *name == "super").count();
    if ups == 0 {
        return path[1..].to_vec();
    }
    // A test's module lies within its file's; one level more or less leads to the same room.
    let kept = module.len().saturating_sub(ups).max(1);
    module[..kept].iter().chain(&path[ups..]).cloned().collect()
}

fn imports() -> Vec<Import> {
    let (root, mut files, mut found) = (sources(), Vec::new(), Vec::new());
    files_below(&root, &mut files);
    for file in files {
        let from = module_of(&file);
        let name = file.strip_prefix(&root).unwrap().display().to_string();
        for (line, path) in paths(&fs::read_to_string(&file).unwrap()) {
            let to = resolve(&from, &path);
            found.push(Import { from: from.clone(), to, location: format!("src/{name}:{line}") });
        }
    }
    found
}

fn floor(module: &[String]) -> Option<usize> {
    FLOORS.iter().position(|floor| module.first().is_some_and(|name| name == floor))
}

#[test]
fn a_module_imports_from_the_floors_below_alone() {
    let imports = imports();
    assert!(imports.len() > 500, "they are not read: {}", imports.len());
    let upward: Vec<_> = imports
        .iter()
        .filter(|import| floor(&import.from).zip(floor(&import.to)).is_some_and(|(from, to)| from < to))
        .map(|import| format!("{}: {} is above {}", import.location, import.to.join("::"), import.from[0]))
        .collect();
    assert!(upward.is_empty(), "{}", upward.join("\n"));
}

#[test]
fn every_floor_is_known_and_has_its_map() {
    for entry in fs::read_dir(sources()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if matches!(name.as_str(), "lib" | "main") {
            continue;
        }
        assert!(FLOORS.contains(&name.as_str()), "{name} stands on no floor");
        let map = fs::read_to_string(path.join("mod.rs")).expect("a folder with its mod.rs");
        assert!(map.starts_with("//! "), "{name}/mod.rs has no map");
    }
}

/// What is in `mod.rs` belongs to all rooms of its floor.
fn room(module: &[String]) -> Option<String> {
    let (floor, room) = (module.first()?, module.get(1)?);
    let folder = sources().join(floor).join(room);
    (folder.is_dir() || folder.with_extension("rs").is_file()).then(|| format!("{floor}::{room}"))
}

#[test]
fn the_rooms_of_a_floor_form_no_circle() {
    let mut uses: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for import in imports() {
        if let Some((from, to)) = room(&import.from).zip(room(&import.to))
            && from != to
        {
            uses.entry(from).or_default().entry(to).or_insert(import.location);
        }
    }
    let mut left: BTreeSet<String> = uses.keys().cloned().collect();
    // Whoever uses nothing that is left stands below the others, and whom nobody uses above them.
    while let Some(outside) = left
        .iter()
        .find(|name| {
            let uses_others = uses[*name].keys().any(|used| left.contains(used));
            let is_used = left.iter().any(|other| uses[other].contains_key(*name));
            !uses_others || !is_used
        })
        .cloned()
    {
        left.remove(&outside);
    }
    let circle: Vec<_> = left
        .iter()
        .flat_map(|name| uses[name].iter().map(move |(used, location)| (name, used, location)))
        .filter(|(_, used, _)| left.contains(*used))
        .map(|(name, used, location)| format!("{location}: {name} uses {used}"))
        .collect();
    assert!(circle.is_empty(), "{}", circle.join("\n"));
}

#[test]
fn an_upward_import_is_found_however_it_is_written() {
    let text = "use crate::{base::{self, db}, server::App};\n// crate::cli\nfn f() { super::super::store::g(crate::cli::run()) }\n";
    let found: Vec<_> = paths(text).into_iter().map(|(line, path)| (line, path.join("::"))).collect();
    let wanted = [
        (1, "crate::base::self"),
        (1, "crate::base::db"),
        (1, "crate::server::App"),
        (3, "crate::cli::run"),
        (3, "super::super::store::g"),
    ];
    assert_eq!(found, wanted.map(|(line, path)| (line, path.to_owned())));
    let module = ["cards", "keys", "store"].map(str::to_owned);
    assert_eq!(resolve(&module, &["super", "super", "lists"].map(str::to_owned)), ["cards", "lists"]);
}
