// A small door to libedit: one line editor with history. libedit's own calls are variadic, which Swift
// cannot call. All functions but one are for one thread at a time.
#ifndef HYPRSTREAM_CEDIT_H
#define HYPRSTREAM_CEDIT_H

typedef struct hs_edit hs_edit;

enum hs_edit_status { HS_EDIT_LINE = 0, HS_EDIT_END = 1, HS_EDIT_INTERRUPTED = 2 };

// An editor on standard input and output; null if the terminal cannot be used.
// `history_path` may be null: then nothing is kept.
hs_edit *hs_edit_open(const char *history_path, int history_size);

// Reads a line, without its line feed. The text belongs to the editor and is valid until the next call.
enum hs_edit_status hs_edit_read(hs_edit *edit, const char *prompt, const char **line);

// Appends an entry to the history and writes its file.
void hs_edit_remember(hs_edit *edit, const char *line);

// Words that Tab completes from now on, separated by line feeds. May be called from any thread.
void hs_edit_offer(hs_edit *edit, const char *words);

void hs_edit_close(hs_edit *edit);

#endif
