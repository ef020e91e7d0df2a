//! A workshop on TCP sockets in which **the kernel is the witness**: no lesson says "the client is
//! in TIME_WAIT now" without asking the kernel's own socket table, and a lesson fails when the
//! kernel disagrees. This library is what the lessons in `examples/` share; what examines exercises
//! is in the package `workshop`, and stands on it.
//!
//! Read it in this order:
//!
//! | module | what it is |
//! |---|---|
//! | [`table`] | the kernel's socket table: a snapshot, printed as `netstat -nat` prints it |
//! | [`stage`] | prints a lesson's stages, and waits until the kernel shows what each expects |
//! | [`queues`], [`plot`] | a connection's queues and window, look by look; bars in a terminal |
//! | [`deadline`] | an absolute point in time, on a stream and on any other wait |
//! | [`folder`] | a folder that files are handed out of and received into |
//! | [`fault`] | errors that say what was attempted, on what, and why it failed |
//! | [`command`] | what every `main` does: read the arguments, run, report in one line |
//! | [`link`] | a link between two UDP sockets that loses, repeats and reorders by a seed |
//! | [`listen`], [`dial`] | a listening socket with its options; a dial of several addresses |
//! | [`accept_queue`] | how long a listener's queue may be, and what a full one dropped |
//! | [`heartbeat`] | a ping whenever a connection has been quiet for an interval |
//! | [`histogram`] | durations in the terminal, by order of magnitude |
//! | [`peer`] | the other end: both ends of a connection; peers that are silent, slow or lossy |
//! | [`namespace`] | a network of our own: loopback, ports and settings that no other program has |
//! | [`sysctl`] | settings of the kernel with which the table differs from what some lessons tell |
//! | [`threads`] | in which system call each thread is blocked, and for how long |
//! | [`wait`] | waits by evidence: until it happens, or the kernel shows that it never will |
//! | [`throughput`] | how fast bytes and calls go, as a ratio |
//! | [`process`] | a server in a process of its own: its threads, memory and system calls |
//! | [`places`] | a limit on how much goes on at once |
//! | [`stop`], [`serve`] | a stop signal that wakes blocked calls; a server whose threads stay |
//! | [`rpc`], [`kv`] | JSON-RPC 1.0 as in Go's `net/rpc`; the key-value store of MIT 6.824 |
//! | [`tftp`] | TFTP and its options: packets, transfers, a server and a client |
//! | [`transfer`] | a protocol by which a file is sent; its server and its sender |
//!
//! Nothing here knows a lesson or an exercise. The socket calls that a lesson is about stand in the
//! lesson; here is what an earlier one has taught, and the narration.

pub mod accept_queue;
pub mod asking;
pub mod command;
mod counters;
pub mod deadline;
pub mod dial;
pub mod fault;
pub mod folder;
pub mod heartbeat;
pub mod histogram;
pub mod kv;
pub mod link;
pub mod listen;
pub mod namespace;
pub mod peer;
pub mod places;
pub mod plot;
pub mod process;
pub mod queues;
pub mod rpc;
pub mod serve;
pub mod stage;
pub mod stop;
pub mod sysctl;
pub mod table;
pub mod tftp;
pub mod threads;
pub mod throughput;
pub mod transfer;
pub mod wait;
