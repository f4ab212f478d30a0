//! Calls from form to XML, over a real directory in memory. What each answers, word for word, is in the golden files
//! of `tests/boto/golden`, which botocore's own parser reads too (`tests/boto/test_query_xml.py`).
//! `UPDATE_GOLDEN=1` writes them anew.

mod golden;
mod permissions;
mod refusals;
mod sessions;
mod world;
