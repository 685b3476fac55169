#include "scan.h"

const uint8_t scan_classes[256] = {
    [' '] = BYTE_SPACE,     ['\t'] = BYTE_SPACE,   ['\n'] = BYTE_SPACE,    ['\r'] = BYTE_SPACE,
    ['"'] = BYTE_QUOTE,     [':'] = BYTE_COLON,    [','] = BYTE_COMMA,     ['-'] = BYTE_NUMBER,
    ['0'] = BYTE_NUMBER,    ['1'] = BYTE_NUMBER,   ['2'] = BYTE_NUMBER,    ['3'] = BYTE_NUMBER,
    ['4'] = BYTE_NUMBER,    ['5'] = BYTE_NUMBER,   ['6'] = BYTE_NUMBER,    ['7'] = BYTE_NUMBER,
    ['8'] = BYTE_NUMBER,    ['9'] = BYTE_NUMBER,   ['t'] = BYTE_WORD,      ['f'] = BYTE_WORD,
    ['n'] = BYTE_WORD,      ['{'] = BYTE_OPEN_OBJ, ['}'] = BYTE_CLOSE_OBJ, ['['] = BYTE_OPEN_ARR,
    [']'] = BYTE_CLOSE_ARR,
};

#define PASS(next)       \
    {                    \
        ACT_PASS, (next) \
    }
#define CLOSE        \
    {                \
        ACT_CLOSE, 0 \
    }
/* A value: where a string, and where a number or word, leads to. */
#define VALUE(after_string, after_literal)                                                      \
    [BYTE_QUOTE] = {ACT_STRING, (after_string)}, [BYTE_NUMBER] = {ACT_NUMBER, (after_literal)}, \
    [BYTE_WORD] = {ACT_WORD, (after_literal)}, [BYTE_OPEN_OBJ] = {ACT_OPEN, PLACE_NAME_OR_END}, \
    [BYTE_OPEN_ARR] = {ACT_OPEN, PLACE_ELEM_OR_END}

const struct step scan_steps[PLACE_COUNT][BYTE_CLASS_COUNT] = {
    [PLACE_TOP] = {[BYTE_SPACE] = PASS(PLACE_TOP), VALUE(PLACE_TOP, PLACE_GAP)},
    [PLACE_GAP] = {[BYTE_SPACE] = PASS(PLACE_TOP)},
    [PLACE_DONE] = {[BYTE_SPACE] = PASS(PLACE_DONE)},
    [PLACE_NAME_OR_END] = {[BYTE_SPACE] = PASS(PLACE_NAME_OR_END),
                           [BYTE_QUOTE] = {ACT_NAME, PLACE_COLON},
                           [BYTE_CLOSE_OBJ] = CLOSE},
    [PLACE_NAME] = {[BYTE_SPACE] = PASS(PLACE_NAME), [BYTE_QUOTE] = {ACT_NAME, PLACE_COLON}},
    [PLACE_COLON] = {[BYTE_SPACE] = PASS(PLACE_COLON), [BYTE_COLON] = {ACT_COLON, PLACE_MEMBER}},
    [PLACE_MEMBER] = {[BYTE_SPACE] = PASS(PLACE_MEMBER), VALUE(PLACE_OBJ_NEXT, PLACE_OBJ_NEXT)},
    [PLACE_ELEM_OR_END] = {[BYTE_SPACE] = PASS(PLACE_ELEM_OR_END),
                           [BYTE_CLOSE_ARR] = CLOSE,
                           VALUE(PLACE_ARR_NEXT, PLACE_ARR_NEXT)},
    [PLACE_ELEM] = {[BYTE_SPACE] = PASS(PLACE_ELEM), VALUE(PLACE_ARR_NEXT, PLACE_ARR_NEXT)},
    [PLACE_OBJ_NEXT] = {[BYTE_SPACE] = PASS(PLACE_OBJ_NEXT),
                        [BYTE_COMMA] = PASS(PLACE_NAME),
                        [BYTE_CLOSE_OBJ] = CLOSE},
    [PLACE_ARR_NEXT] = {[BYTE_SPACE] = PASS(PLACE_ARR_NEXT),
                        [BYTE_COMMA] = PASS(PLACE_ELEM),
                        [BYTE_CLOSE_ARR] = CLOSE},
};
