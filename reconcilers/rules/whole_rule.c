#include "whole_rule.h"

struct rule_answer whole_rule_answer(bool breaks)
{
    return (struct rule_answer){.outcome = breaks ? RULE_FAIL : RULE_PASS, .is_about_pod = breaks};
}
