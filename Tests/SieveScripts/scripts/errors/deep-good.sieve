if true {
if true {
if true {
if true {
if true {
if true {
if true {
if true {
if true {
if true {
if true {
if true {
if true {
if true {
if true {
if true {
if true {
if true {
if true {
if true {
if true {
if true {
if true {
if true {
if true {
if true {
if true {
if true {
if true {
if true {
if true {
if true {
keep;
}
}
}
}
}
}
}
}
}
}
}
}
}
}
}
}
}
}
}
}
}
}
}
}
}
}
}
}
}
}
}
}
if not not not not not not not not not not not not not not not not not not not not not not not not not not not not not not not true { stop; }
if anyof (anyof (anyof (anyof (anyof (anyof (anyof (anyof (anyof (anyof (anyof (anyof (anyof (anyof (anyof (anyof (anyof (anyof (anyof (anyof (anyof (anyof (anyof (anyof (anyof (anyof (anyof (anyof (anyof (anyof (anyof (true))))))))))))))))))))))))))))))) { stop; }
