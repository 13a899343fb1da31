"""Pure judgement: measured against reported, tonight against last night, model against model."""
