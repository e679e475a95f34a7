"""From the definition of a workflow to the plan that its runs execute, and back."""
