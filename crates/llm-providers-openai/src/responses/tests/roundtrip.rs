//! Placeholder of the next commit.
