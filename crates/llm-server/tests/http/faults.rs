//! A vendor's bad days, on the wire between the program itself and a vendor's process: each client gets a whole answer
//! or an error of its dialect, and never half an answer that looks whole; and the books say what happened.

mod clients;
mod flapping;
mod going_on;
mod processes;
mod scenarios;
mod waiting;
