"""A recorded model as a program on buffers: graph, lowering, rewriting, plan. No layer's class is named here."""
