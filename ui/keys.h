/* keys.h: the keys the console knows, free of any terminal library. Characters are their code points; the rest stands above Unicode. */
#ifndef JETBASE_UI_KEYS_H
#define JETBASE_UI_KEYS_H

enum {
    UK_NONE = 0,
    UK_CTRL_C = 3,
    UK_BACKSPACE = 8,
    UK_TAB = 9,
    UK_ENTER = 10,
    UK_CTRL_L = 12,
    UK_CTRL_Z = 26,
    UK_ESC = 27,
    UK_CTRL_BACKSLASH = 28,
    UK_UP = 0x110000,
    UK_DOWN,
    UK_LEFT,
    UK_RIGHT,
    UK_PAGE_UP,
    UK_PAGE_DOWN,
    UK_HOME,
    UK_END,
    UK_BACK_TAB,
    UK_MOUSE,      /* terminal_mouse() tells */
    UK_OTHER       /* a key that means nothing here */
};

#endif
