"""What both sides' pages share: layout, navigation, components, tables, live fragments, problem pages."""
