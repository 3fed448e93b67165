/// A word that the SQL front knows by name, spelled in lower case.
///
/// The words are those of DuckDB 1.5 (`duckdb_keywords()`), in the order of their categories, and
/// the words of the streaming dialect. A token that is one of them may still be an ordinary name:
/// ``Keyword/category`` says where DuckDB's grammar takes it as one.
public enum Keyword: String, CaseIterable, Sendable {
  // Reserved: names of columns and tables only in quotes.
  case all, analyse, analyze, and, any, array, `as`, asc, asymmetric, both, `case`, cast, check,
    collate, column, constraint, create, `default`, deferrable, desc, describe, distinct, `do`,
    `else`, end, except, `false`, fetch, `for`, foreign, from, group, having, `in`, initially,
    intersect, into, lambda, lateral, leading, limit, not, null, offset, on, only, or, order,
    pivot, pivot_longer, pivot_wider, placing, primary, qualify, references, returning, select,
    show, some, summarize, symmetric, table, then, to, trailing, `true`, union, unique, unpivot,
    using, variadic, when, `where`, window, with
  // Names of types and functions, but not of columns.
  case anti, asof, at, authorization, binary, by, collation, columns, concurrently, cross,
    freeze, full, generated, glob, ilike, inner, `is`, isnull, join, left, like, map, natural,
    notnull, outer, overlaps, positional, right, semi, similar, `struct`, tablesample, try_cast,
    unpack, verbose
  // Names of columns, but not of functions and types.
  case between, bigint, bit, boolean, char, character, coalesce, dec, decimal, exists, extract,
    float, grouping, grouping_id, `inout`, int, integer, interval, national, nchar, `none`,
    nullif, numeric, out, overlay, position, precision, real, row, setof, smallint, substring,
    time, timestamp, treat, trim, values, varchar, xmlattributes, xmlconcat, xmlelement,
    xmlexists, xmlforest, xmlnamespaces, xmlparse, xmlpi, xmlroot, xmlserialize, xmltable
  // Unreserved: any name.
  case abort, absolute, access, action, add, admin, after, aggregate, also, alter, always,
    assertion, assignment, attach, attribute, backward, before, begin, cache, call, called,
    cascade, cascaded, catalog, centuries, century, chain, characteristics, checkpoint, `class`,
    close, cluster, comment, comments, commit, committed, compression, configuration, conflict,
    connection, constraints, content, `continue`, conversion, copy, cost, csv, cube, current,
    cursor, cycle, data, database, day, days, deallocate, decade, decades, declare, defaults,
    deferred, definer, delete, delimiter, delimiters, depends, detach, dictionary, disable,
    discard, document, domain, double, drop, each, enable, encoding, encrypted, `enum`, error,
    escape, event, exclude, excluding, exclusive, execute, explain, export, export_state,
    `extension`, extensions, external, family, filter, first, following, force, forward,
    function, functions, global, grant, granted, groups, handler, header, hold, hour, hours,
    identity, `if`, ignore, immediate, immutable, implicit, `import`, include, including,
    increment, index, indexes, inherit, inherits, inline, input, insensitive, insert, install,
    instead, invoker, isolation, json, key, label, language, large, last, leakproof, level,
    listen, load, local, location, lock, locked, logged, macro, mapping, match, matched,
    materialized, maxvalue, merge, method, microsecond, microseconds, millennia, millennium,
    millisecond, milliseconds, minute, minutes, minvalue, mode, month, months, move, name, names,
    new, next, no, nothing, notify, nowait, nulls, object, of, off, oids, old, `operator`,
    option, options, ordinality, others, over, overriding, owned, owner, parallel, parser,
    partial, partition, partitioned, passing, password, percent, persistent, plans, policy,
    pragma, preceding, prepare, prepared, preserve, prior, privileges, procedural, procedure,
    program, publication, quarter, quarters, quote, range, read, reassign, recheck, recursive,
    ref, referencing, refresh, reindex, relative, release, rename, repeatable, replace, replica,
    reset, respect, restart, restrict, returns, revoke, role, rollback, rollup, rows, rule,
    sample, savepoint, schema, schemas, scope, scroll, search, second, seconds, secret, security,
    sequence, sequences, serializable, server, session, set, sets, share, simple, skip, snapshot,
    sorted, source, sql, stable, standalone, start, statement, statistics, stdin, stdout,
    storage, stored, strict, strip, subscription, sysid, system, tables, tablespace, target,
    temp, template, temporary, text, ties, transaction, transform, trigger, truncate, trusted,
    type, types, unbounded, uncommitted, unencrypted, unknown, unlisten, unlogged, until, update,
    use, user, vacuum, valid, validate, validator, value, variable, varying, version, view,
    views, virtual, volatile, week, weeks, whitespace, within, without, work, wrapper, write,
    xml, year, years, yes, zone
  // Not keywords of DuckDB: words of the streaming dialect. They stay ordinary names elsewhere.
  case changes, emit, stream, subscribe, watermark
}

/// Where a word may be used as a name without quotes.
public enum KeywordCategory: UInt8, Sendable {
  /// Nowhere, except after `AS` and after a dot.
  case reserved
  /// As the name of a type or function.
  case typeOrFunction
  /// As the name of a column or table.
  case column
  /// Everywhere.
  case unreserved
  /// Not a keyword at all.
  case name
}

extension Keyword {
  /// Where this word may be used as a name.
  public var category: KeywordCategory { KeywordTable.shared.category(of: self) }

  /// The first word of each category, in the order of the cases.
  static let categoryStarts: [(first: Keyword, category: KeywordCategory)] = [
    (.all, .reserved), (.anti, .typeOrFunction), (.between, .column),
    (.abort, .unreserved), (.changes, .name),
  ]
}
