//! `kith doctor`: each thing that may be wrong is made wrong for real, named, and gone once the printed fix was applied.

mod database;
mod files;
mod logins;
mod machine;
mod own_server;
mod scene;
mod server;
