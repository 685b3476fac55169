/* What the rules about Services and namespaces have in common; for reconcilers/rules/ alone. */
#ifndef RAMPART_RECONCILERS_RULES_WHOLE_RULE_H
#define RAMPART_RECONCILERS_RULES_WHOLE_RULE_H

#include "rampart/reconcilers/rule.h"

/* RULE_FAIL of the subject as a whole if it @breaks the rule, else RULE_PASS. */
struct rule_answer whole_rule_answer(bool breaks);

#endif
