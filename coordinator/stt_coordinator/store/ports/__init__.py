"""The store's ports: one Protocol for each aggregate, and what all of them have in common.

An adapter is written from these modules and `port.py`; tests/contract/store is their test. Common
to all aggregates:

* A method runs inside one transaction and sees what that transaction has written so far.
* A put replaces the row that has the same key, so that doing it again changes nothing.
* An add appends: doing it again appends again, unless the method says otherwise.
* Texts are compared by code point, instants as instants; `limit` and `offset` count rows from 0.
* An iterable that is empty finds and changes nothing, unless the method says otherwise.
* What the database refuses is raised by `Store.transact` and `Store.read` as a StoreError.
"""
