//! The examples run to their end, and what they assert holds.

#[path = "../examples/bare.rs"]
mod bare;
#[path = "../examples/smol.rs"]
mod under_smol;
#[path = "../examples/tokio.rs"]
mod under_tokio;

#[test]
fn under_tokio() {
    under_tokio::main().unwrap();
}

#[test]
fn under_smol() {
    under_smol::main().unwrap();
}

#[test]
fn without_a_runtime() {
    bare::main().unwrap();
}
