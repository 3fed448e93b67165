#define _GNU_SOURCE
#include "CEdit.h"

#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hs_edit {
  EditLine *line;
  History *history;
  char *history_path;
  const char *prompt;
  char *text;
  int is_interrupted;
};

static char *prompt_of(EditLine *line) {
  struct hs_edit *edit = NULL;
  el_get(line, EL_CLIENTDATA, &edit);
  return (char *)(edit && edit->prompt ? edit->prompt : "");
}

// Bound to Ctrl-C: gives the line up.
static unsigned char interrupt(EditLine *line, int key) {
  (void)key;
  struct hs_edit *edit = NULL;
  el_get(line, EL_CLIENTDATA, &edit);
  if (edit) edit->is_interrupted = 1;
  return CC_EOF;
}

// Characters of more than one byte need a locale that knows them, whatever the environment says.
static void use_utf8(void) {
  setlocale(LC_CTYPE, "");
  if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) setlocale(LC_CTYPE, "C.UTF-8");
}

hs_edit *hs_edit_open(const char *history_path, int history_size) {
  use_utf8();
  hs_edit *edit = calloc(1, sizeof *edit);
  if (!edit) return NULL;
  edit->line = el_init("hyprstream", stdin, stdout, stderr);
  edit->history = history_init();
  if (!edit->line || !edit->history) {
    hs_edit_close(edit);
    return NULL;
  }
  HistEvent event;
  history(edit->history, &event, H_SETSIZE, history_size);
  history(edit->history, &event, H_SETUNIQUE, 1);
  if (history_path) {
    edit->history_path = strdup(history_path);
    history(edit->history, &event, H_LOAD, history_path);
  }
  el_set(edit->line, EL_CLIENTDATA, edit);
  el_set(edit->line, EL_PROMPT, prompt_of);
  el_set(edit->line, EL_EDITOR, "emacs");
  el_set(edit->line, EL_HIST, history, edit->history);
  el_set(edit->line, EL_ADDFN, "hs-interrupt", "Give the line up.", interrupt);
  // While a line is edited Ctrl-C is a key, not a signal.
  el_set(edit->line, EL_SETTY, "-d", "-isig", NULL);
  el_set(edit->line, EL_BIND, "^C", "hs-interrupt", NULL);
  el_set(edit->line, EL_BIND, "^R", "em-inc-search-prev", NULL);
  el_set(edit->line, EL_BIND, "\\e[3~", "ed-delete-next-char", NULL);
  el_set(edit->line, EL_BIND, "\\e[1;5C", "em-next-word", NULL);
  el_set(edit->line, EL_BIND, "\\e[1;5D", "ed-prev-word", NULL);
  el_source(edit->line, NULL);
  return edit;
}

enum hs_edit_status hs_edit_read(hs_edit *edit, const char *prompt, const char **line) {
  int count = 0;
  edit->prompt = prompt;
  edit->is_interrupted = 0;
  const char *text = el_gets(edit->line, &count);
  if (edit->is_interrupted) return HS_EDIT_INTERRUPTED;
  if (!text || count <= 0) return HS_EDIT_END;
  free(edit->text);
  edit->text = strndup(text, (size_t)count);
  if (!edit->text) return HS_EDIT_END;
  size_t length = strlen(edit->text);
  if (length > 0 && edit->text[length - 1] == '\n') edit->text[length - 1] = 0;
  *line = edit->text;
  return HS_EDIT_LINE;
}

void hs_edit_remember(hs_edit *edit, const char *line) {
  HistEvent event;
  history(edit->history, &event, H_ENTER, line);
  if (edit->history_path) history(edit->history, &event, H_SAVE, edit->history_path);
}

void hs_edit_close(hs_edit *edit) {
  if (!edit) return;
  if (edit->line) el_end(edit->line);
  if (edit->history) history_end(edit->history);
  free(edit->history_path);
  free(edit->text);
  free(edit);
}
