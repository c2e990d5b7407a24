//! What is left of a command when its process is gone: folders, files, and how long work is gone on with.
//!
//! | file | what |
//! |---|---|
//! | [`folder`] | the folder of a command: claimed and locked while it works, its files whole or not there |
//! | [`recipe`] | `config.json`: the command of the folder and all that decides a bit of it; what differs is shown and refused |
//! | [`lines`] | a file that grows by whole lines |
//!
//! Decided here: when a folder may be used, and by whom. What is kept in it, and when, is the commands' affair.

pub(crate) mod folder;
pub(crate) mod lines;
pub(crate) mod recipe;
