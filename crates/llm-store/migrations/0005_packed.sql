-- What a row has besides its columns, as journals hold it: it is copied, where a document was written for each call. Rows
-- that are there keep their document, and none of them is touched.
ALTER TABLE llm_ledger ADD COLUMN packed BYTEA;
