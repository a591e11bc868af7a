//! One file per RPC, named as in `src/rpc`.
