//! What a folder keeps, refuses and takes back.

use super::*;

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names = entries.map(|e| e.expect("an entry").file_name().into_string().expect("text")).collect::<Vec<_>>();
    names.sort();
    names
}

fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[test]
fn results_are_kept_and_nothing_else_is() {
    let home = temporary();
    let folder = OutputFolder::create(Some(home.path().join("a/b")), "kernel").expect("a folder");
    folder.write("kernel.npy", b"numbers").expect("a file");
    folder.write("kernel.npy", b"better numbers").expect("the same file");
    let path = folder.finish().expect("an end");
    assert_eq!(names(&path), ["kernel.npy"]);
    assert_eq!(fs::read(path.join("kernel.npy")).expect("bytes"), b"better numbers");
}

#[test]
fn a_folder_that_holds_something_is_refused_and_left_alone() {
    let home = temporary();
    fs::write(home.path().join("thesis.txt"), "mine").expect("a file");
    let error = OutputFolder::create(Some(home.path().to_path_buf()), "kernel").expect_err("a refusal");
    assert!(matches!(error, FolderError::NotEmpty { .. }));
    assert_eq!(error.code(), 2);
    assert!(error.to_string().ends_with("leave --out away"), "{error}");
    assert_eq!(names(home.path()), ["thesis.txt"]);
}

#[test]
fn an_empty_folder_is_used_and_stays_when_nothing_came_of_it() {
    let home = temporary();
    drop(OutputFolder::create(Some(home.path().to_path_buf()), "kernel").expect("a folder"));
    assert!(names(home.path()).is_empty());
}

#[test]
fn folders_made_for_nothing_are_removed_and_others_stay() {
    let home = temporary();
    drop(OutputFolder::create(Some(home.path().join("a/b/c")), "kernel").expect("a folder"));
    assert!(names(home.path()).is_empty());
    drop(OutputFolder::numbered(&home.path().join("runs"), "kernel").expect("a folder"));
    assert!(names(home.path()).is_empty());
}

#[test]
fn complete_files_survive_a_failure() {
    let home = temporary();
    let folder = OutputFolder::create(Some(home.path().join("out")), "kernel").expect("a folder");
    folder.write("kernel.npy", b"hours of work").expect("a file");
    let failed = folder.write_with("report.html", |out| {
        out.write_all(b"half")?;
        Err(io::ErrorKind::StorageFull.into())
    });
    let error = failed.expect_err("a full disk");
    assert_eq!(error.code(), 5);
    assert!(error.to_string().contains("report.html") && error.to_string().contains("free some space"), "{error}");
    drop(folder);
    assert_eq!(names(&home.path().join("out")), ["kernel.npy"]);
}

#[test]
fn a_file_in_the_way_is_refused() {
    let home = temporary();
    let file = home.path().join("file");
    fs::write(&file, "text").expect("a file");
    for path in [file.clone(), file.join("below")] {
        let error = OutputFolder::create(Some(path), "kernel").expect_err("a refusal");
        assert!(matches!(error, FolderError::NotAFolder { .. }), "{error}");
    }
    assert_eq!(fs::read(file).expect("bytes"), b"text");
}

#[test]
fn numbers_go_on_from_the_greatest() {
    let home = temporary();
    for name in ["kernel-2", "kernel-x", "kernel-7", "train-40"] {
        fs::create_dir(home.path().join(name)).expect("a folder");
    }
    let folder = OutputFolder::numbered(home.path(), "kernel").expect("a folder");
    assert!(folder.path().ends_with("kernel-8"));
}

#[test]
fn many_at_once_never_share_a_folder() {
    let home = temporary();
    let runs = home.path().join("runs");
    let folders = std::thread::scope(|scope| {
        let start = || OutputFolder::numbered(&runs, "kernel").expect("a folder");
        let threads = (0..16).map(|_| scope.spawn(start)).collect::<Vec<_>>();
        threads.into_iter().map(|t| t.join().expect("no panic")).collect::<Vec<_>>()
    });
    let mut paths = folders.iter().map(|f| f.path().to_path_buf()).collect::<Vec<_>>();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), 16);
}

#[test]
fn a_named_folder_has_one_owner_at_a_time() {
    let home = temporary();
    let path = home.path().join("out");
    let first = OutputFolder::create(Some(path.clone()), "kernel").expect("a folder");
    let error = OutputFolder::create(Some(path.clone()), "kernel").expect_err("a refusal");
    assert!(matches!(error, FolderError::Claimed { .. }), "{error}");
    // The refusal has not taken the first one's claim away.
    assert_eq!(names(&path), [MARKER]);
    first.write("a.npy", b"a").expect("a file");
    assert_eq!(names(&first.finish().expect("an end")), ["a.npy"]);
}

#[test]
fn a_folder_that_vanishes_is_reported_as_such() {
    let home = temporary();
    let folder = OutputFolder::create(Some(home.path().join("out")), "kernel").expect("a folder");
    fs::remove_dir_all(folder.path()).expect("removed");
    let error = folder.write("a.npy", b"a").expect_err("nowhere to write");
    assert_eq!(error.code(), 5);
    assert!(error.to_string().contains("vanished"), "{error}");
}

#[test]
fn results_cannot_leave_their_folder() {
    let home = temporary();
    let folder = OutputFolder::create(Some(home.path().join("out")), "kernel").expect("a folder");
    for name in ["../a", "a/b/c", "/etc/a", "", ".", "..", "a/", MARKER] {
        assert!(matches!(folder.write(name, b"a"), Err(FolderError::BadName { .. })), "{name:?}");
    }
}

#[test]
fn a_path_with_a_line_break_stays_on_one_line_of_the_message() {
    let home = temporary();
    let path = home.path().join("two\nlines");
    fs::write(&path, "text").expect("a file");
    let error = OutputFolder::create(Some(path), "kernel").expect_err("a refusal");
    assert!(!error.to_string().contains('\n'), "{error}");
}

#[test]
fn names_that_no_system_takes_are_errors_of_usage() {
    let home = temporary();
    for path in [PathBuf::new(), home.path().join("a".repeat(300)), home.path().join("a\0b")] {
        let error = OutputFolder::create(Some(path), "kernel").expect_err("a refusal");
        assert_eq!(error.code(), 2, "{error}");
    }
    assert!(names(home.path()).is_empty());
}

#[cfg(unix)]
#[test]
fn results_are_as_readable_as_other_new_files() {
    use std::os::unix::fs::PermissionsExt;
    let home = temporary();
    let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode();
    fs::write(home.path().join("other"), "text").expect("a file");
    let folder = OutputFolder::create(Some(home.path().join("out")), "kernel").expect("a folder");
    let path = folder.write("a.npy", b"a").expect("a file");
    assert_eq!(mode(&path), mode(&home.path().join("other")));
}
