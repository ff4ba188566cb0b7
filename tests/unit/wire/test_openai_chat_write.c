/* test_openai_chat_write.c: requests of Anthropic's dialect as OpenAI gets them. */

#include "support/translate_check.h"

#include <stdio.h>

#define M(messages) "{'model':'m','max_tokens':9,'messages':[" messages "]}"
#define U           "{'role':'user','content':'hi'}"
#define WITH(more)  "{'model':'m','max_tokens':9," more ",'messages':[" U "]}"
#define HEAD        "{'model':'gpt','max_tokens':9"
#define OUT(list)   HEAD ",'messages':[" list "]}"
#define HI          ",'messages':[" U "]}"
#define TOOL        "{'name':'f','input_schema':{'type':'object'}}"
#define TOOL_OUT    "{'type':'function','function':{'name':'f','parameters':{'type':'object'}}}"

static const struct wire_options options = {
    .model = SLICE_INIT("gpt"),
    .reasoning = WIRE_REASONING_EFFORT,
    .strict_tools = true,
};

#define CHECK(o, table) check_translated(&to_openai, (o), (table), ARRAY_LEN(table))

static void system_is_the_first_message(void **state)
{
    static const struct translated table[] = {
        {"{'model':'m','max_tokens':9,'messages':[" U "],'system':'a\\n'}",
         OUT("{'role':'system','content':'a\\n'}," U)                             },
        {WITH("'system':[{'type':'text','text':'a','cache_control':{'type':'ephemeral'}},{'type':"
              "'text','text':'b'}]"),
         OUT("{'role':'system','content':'a\\nb'}," U)                            },
        {WITH("'system':null"),                                             OUT(U)},
        {WITH("'system':[]"),                                               OUT(U)},
        {M(U ",{'role':'system','content':'later'}"),
         OUT("{'role':'system','content':'later'}," U)                            },
    };

    (void)state;
    CHECK(&options, table);
}

static void users_say_text_images_and_documents(void **state)
{
    static const struct translated table[] = {
        {M("{'role':'user','content':[{'type':'text','text':'hi','citations':null}]}"),                OUT(U)                             },
        {M("{'content':[{'text':'a','type':'text'},{'type':'text','text':'b'}],'role':'user'}"),
         OUT("{'role':'user','content':[{'type':'text','text':'a'},{'type':'text','text':'b'}]}")                                         },
        {M("{'role':'user','content':[{'type':'image','source':{'type':'base64','media_type':"
           "'image/png','data':'AA=='}},{'source':{'url':'https://h/x','type':'url'},'type':"
           "'image'}]}"),
         OUT("{'role':'user','content':[{'type':'image_url','image_url':{'url':'data:image/png;"
             "base64,AA=='}},{'type':'image_url','image_url':{'url':'https://h/x'}}]}")                                                   },
        {M("{'role':'user','content':[{'type':'document','title':'a.pdf','source':{'type':'base64',"
           "'media_type':'application/pdf','data':'JVBE'},'citations':{'enabled':false}}]}"),
         OUT("{'role':'user','content':[{'type':'file','file':{'filename':'a.pdf','file_data':'"
             "data:"
             "application/pdf;base64,JVBE'}}]}")                                                                                          },
        {M("{'role':'user','content':[{'type':'document','title':'T','context':'C','source':{'type'"
           ":"
           "'text','media_type':'text/plain','data':'words'}}]}"),
         OUT("{'role':'user','content':[{'type':'text','text':'C'},{'type':'text','text':"
             "'T\\n\\nwords'}]}")                                                                                                         },
        {M("{'role':'user','content':[{'type':'document','source':{'type':'content','content':[{"
           "'type':'text','text':'a'},{'type':'image','source':{'type':'url','url':'https://"
           "h'}}]}}]"
           "}"),
         OUT("{'role':'user','content':[{'type':'text','text':'a'},{'type':'image_url','image_url':"
             "{"
             "'url':'https://h'}}]}")                                                                                                     },
        {M("{'role':'user','content':''}"),                                                            OUT("{'role':'user','content':''}")},
        {M("{'role':'user','content':[]}"),                                                            OUT("{'role':'user','content':''}")},
    };

    (void)state;
    CHECK(&options, table);
}

#define USE(id, input) "{'type':'tool_use','id':'" id "','name':'f','input':" input "}"
#define CALL(id, args)                                                                             \
    "{'id':'" id "','type':'function','function':{'name':'f','arguments':'" args "'}}"
#define RESULT(id, text) "{'type':'tool_result','tool_use_id':'" id "','content':" text "}"
#define TOLD(id, text)   "{'role':'tool','tool_call_id':'" id "','content':'" text "'}"

static void tools_are_called_and_answer(void **state)
{
    static const struct translated table[] = {
        {M(U ",{'role':'assistant','content':[{'type':'text','text':'I '},{'type':'text','text':"
             "'call'}," USE("a", "{ 'x': [1.0, '\\u00e9\\n'] }") "," USE(
                 "b", "{}") "]},{'role':"
                            "'user','content':[" RESULT(
                                "a", "'1'") ",{'type':'text','text':'and?'}"
                                            "," RESULT("b", "[{'type':'text','text':'2'},{'"
                                                            "type':'text','text':'3'}]") "]}"),
         OUT(U ",{'role':'assistant','content':'I call','tool_calls':[" CALL(
             "a",                                                             "{ \\'x\\': [1.0, "
             "\\'"
             "\\\\u00e9\\\\n\\']"
             " }") "," CALL("b", "{}") "]}," TOLD("a", "1") "," TOLD("b",
         "2\\n3") ",{'role':'user','"
                                                                              "content':'and?'}")},
        {M(U ",{'role':'assistant','content':[{'type':'tool_use','id':'a','name':'f'}]},{'role':"
             "'user','content':[{'type':'tool_result','tool_use_id':'a','is_error':true}]}"),
         OUT(U ",{'role':'assistant','content':null,'tool_calls':[" CALL("a",             "{}") "]}," TOLD(
             "a", ""))                                                         },
 /* a tool message holds text only: pictures follow it */
        {M(U
           ",{'role':'assistant','content':[" USE("a",                           "{}") "]},{'role':'user','content':[" RESULT(
               "a",                                              "[{'type':'text','text':'see'},{'type':'image','source':{'type':'url',"
                    "'url':'https://h'}}]") ",{'type':'text','text':'well?'}]}"),
         OUT(U ",{'role':'assistant','content':null,'tool_calls':[" CALL("a",           "{}") "]}," TOLD(
             "a",                                                            "see") ",{'role':'user','content':[{'type':'image_url','image_url':{'url':"
                         "'https://h'}},{'type':'text','text':'well?'}]}")},
    };

    (void)state;
    CHECK(&options, table);
}

static void reasoning_goes_to_those_who_know_it(void **state)
{
    struct wire_options o = options;
    const char *from = M(U ",{'role':'assistant','content':[{'type':'thinking','thinking':'t',"
                           "'signature':'s'},{'type':'redacted_thinking','data':'d'},{'type':"
                           "'text','text':'x'}]}," U);
    const struct translated dropped[] = {
        {from, OUT(U ",{'role':'assistant','content':'x'}," U)},
    };
    const struct translated content[] = {
        {from, OUT(U ",{'role':'assistant','content':'x','reasoning_content':'t'}," U)},
    };
    const struct translated blocks[] = {
        {from,
         OUT(U ",{'role':'assistant','content':'x','thinking_blocks':[{'type':'thinking',"
               "'thinking':'t','signature':'s'},{'type':'redacted_thinking','data':'d'}]}," U)},
    };

    (void)state;
    CHECK(&o, dropped);
    o.reasoning_content = true;
    CHECK(&o, content);
    o.reasoning_content = false;
    o.thinking_blocks = true;
    CHECK(&o, blocks);
}

static void tools_and_choices(void **state)
{
    static const struct translated table[] = {
        {WITH("'tools':[{'type':'custom','name':'f','description':'d','strict':true,'input_schema':"
              "{ 'z':1.0, 'a':2 },'cache_control':{'type':'ephemeral'},'input_examples':[{}]},{"
              "'name':'g'}]"),
         HEAD
         ",'tools':[{'type':'function','function':{'name':'f','description':'d','parameters':{ "
         "'z':1.0, 'a':2 },'strict':true}},{'type':'function','function':{'name':'g',"
         "'parameters':{'type':'object','properties':{}}}}]" HI                                                                                                             },
        {WITH("'tools':[" TOOL "],'tool_choice':{'type':'auto'}"),
         HEAD ",'tool_choice':'auto','tools':[" TOOL_OUT "]" HI                                                                                                             },
        {WITH("'tools':[" TOOL "],'tool_choice':{'type':'any','disable_parallel_tool_use':true}"),
         HEAD ",'tool_choice':'required','parallel_tool_calls':false,'tools':[" TOOL_OUT "]" HI                                                                             },
        {WITH("'tools':[" TOOL "],'tool_choice':{'type':'none'}"),
         HEAD ",'tool_choice':'none','tools':[" TOOL_OUT "]" HI                                                                                                             },
        {WITH("'tools':[" TOOL "],'tool_choice':{'name':'f','type':'tool'}"),                      HEAD
         ",'tool_choice':{'type':'function','function':{'name':'f'}},'tools':[" TOOL_OUT "]" HI},
        {WITH("'tool_choice':{'type':'auto'}"),                                                    HEAD HI                                                                  },
    };

    (void)state;
    CHECK(&options, table);
}

static void parameters_of_the_answer(void **state)
{
    static const struct translated table[] = {
        {"{'model':'m','messages':[" U "]}",                                      "{'model':'gpt'" HI                                             },
        {WITH("'stream':true"),                                                   HEAD ",'stream':true,'stream_options':{'include_usage':true}" HI},
        {WITH("'temperature':0.70,'top_p':0.9,'top_k':40"),
         HEAD ",'temperature':0.70,'top_p':0.9" HI                                                                                                },
        {WITH("'stop_sequences':['a','\\n']"),                                    HEAD ",'stop':['a','\\n']" HI                                   },
        {WITH("'stop_sequences':[]"),                                             HEAD HI                                                         },
        {WITH("'metadata':{'user_id':'u'}"),                                      HEAD ",'user':'u'" HI                                           },
 /* longer than OpenAI takes */
        {WITH("'metadata':{'user_id':'user_0123456789012345678901234567890123456789_account__"
              "session_0123456789'}"),
         HEAD HI                                                                                                                                  },
        {WITH("'metadata':{}"),                                                   HEAD HI                                                         },
        {WITH("'thinking':{'type':'enabled','budget_tokens':1024}"),
         HEAD ",'reasoning_effort':'low'" HI                                                                                                      },
        {WITH("'thinking':{'type':'enabled','budget_tokens':8192}"),
         HEAD ",'reasoning_effort':'medium'" HI                                                                                                   },
        {WITH("'thinking':{'type':'enabled','budget_tokens':31999}"),
         HEAD ",'reasoning_effort':'high'" HI                                                                                                     },
        {WITH("'thinking':{'type':'adaptive'}"),                                  HEAD HI                                                         },
        {WITH("'thinking':{'type':'disabled'}"),                                  HEAD HI                                                         },
        {WITH("'thinking':{'type':'adaptive'},'output_config':{'effort':'max'}"),
         HEAD ",'reasoning_effort':'high'" HI                                                                                                     },
        {WITH("'output_config':{'effort':'medium','format':{'type':'json_schema','schema':{ 'b':1,"
              "'a':2}}}"),
         HEAD ",'reasoning_effort':'medium','response_format':{'type':'json_schema','json_schema':{"
              "'name':'response','strict':true,'schema':{ 'b':1,'a':2}}}" HI                                                                      },
        {WITH("'output_format':{'schema':{},'type':'json_schema'}"),
         HEAD ",'response_format':{'type':'json_schema','json_schema':{'name':'response','strict':"
              "true,'schema':{}}}" HI                                                                                                             },
        {WITH("'service_tier':'auto','speed':'fast','cache_control':{'type':'ephemeral'},"
              "'context_management':{'edits':[]},'diagnostics':{'a':1},'user_profile_id':'p',"
              "'mcp_servers':[],'container':null"),
         HEAD HI                                                                                                                                  },
        {WITH("'new_member':7"),                                                  HEAD ",'new_member':7" HI                                       },
    };

    (void)state;
    CHECK(&options, table);
}

static void models_that_want_it_otherwise(void **state)
{
    static const struct wire_options o = {
        .model = SLICE_INIT("gpt"),
        .max_completion_tokens = true,
        .no_stream_options = true,
        .no_sampling = true,
        .cache_control = true,
    };
    static const struct translated table[] = {
        {WITH("'temperature':1,'top_p':1,'stream':true,'thinking':{'type':'enabled',"
              "'budget_tokens':1024},'tools':[{'name':'f','strict':true,'cache_control':{'a':1}}]"),
         "{'model':'gpt','max_completion_tokens':9,'stream':true,'tools':[{'type':'function',"
         "'function':{'name':'f','parameters':{'type':'object','properties':{}}},'cache_control':{"
         "'a':1}}]" HI                                         },
        {WITH("'system':[{'type':'text','text':'a','cache_control':{'a':1}}]"),
         "{'model':'gpt','max_completion_tokens':9,'messages':[{'role':'system','content':[{'type':"
         "'text','text':'a','cache_control':{'a':1}}]}," U "]}"},
        {M("{'role':'user','content':[{'type':'text','text':'a','cache_control':{'a':1}}]}"),
         "{'model':'gpt','max_completion_tokens':9,'messages':[{'role':'user','content':[{'type':"
         "'text','text':'a','cache_control':{'a':1}}]}]}"      },
    };

    (void)state;
    CHECK(&o, table);
}

static void a_result_marked_for_the_cache_makes_no_message_of_its_own(void **state)
{
    static const char from[] =
        M("{'role':'user','content':[{'type':'tool_result','tool_use_id':'a','content':'1',"
          "'cache_control':{'a':1}}]}");
    const struct translated table[] = {
        {from, OUT(TOLD("a", "1"))},
    };
    struct wire_options o = options;

    (void)state;
    o.cache_control = true;
    CHECK(&o, table);
}

static void what_cannot_be_said_is_named(void **state)
{
    static const struct refused table[] = {
        {WITH("'tools':[" TOOL ",{'type':'web_search_20250305','name':'web_search'}]"),
         FAULT_UNSUPPORTED,                                                                                           "tools[1].type"                     },
        {WITH("'tools':[{'type':'bash_20250124','name':'bash'}]"),                                 FAULT_UNSUPPORTED,
         "tools[0].type"                                                                                                                                  },
        {WITH("'mcp_servers':[{'type':'url'}]"),                                                   FAULT_UNSUPPORTED, "mcp_servers"                       },
        {WITH("'container':'c'"),                                                                  FAULT_UNSUPPORTED, "container"                         },
        {WITH("'n':2"),                                                                            FAULT_UNSUPPORTED, "n"                                 },
        {WITH("'stop':'x'"),                                                                       FAULT_UNSUPPORTED, "stop"                              },
        {WITH("'output_config':{'format':{'type':'xml'}}"),                                        FAULT_UNSUPPORTED,
         "output_config.format.type"                                                                                                                      },
        {M("{'role':'user','content':[{'type':'document','source':{'type':'url','url':'https://h'}}"
           "]}"),
         FAULT_UNSUPPORTED,                                                                                           "messages[0].content[0].source.url" },
        {M("{'role':'user','content':[{'type':'document','source':{'type':'file','file_id':'f'}}]"
           "}"),
         FAULT_UNSUPPORTED,                                                                                           "messages[0].content[0].source.type"},
        {M("{'role':'user','content':[{'type':'image','source':{'type':'file','file_id':'f'}}]}"),
         FAULT_UNSUPPORTED,                                                                                           "messages[0].content[0].source.type"},
        {M("{'role':'user','content':[{'type':'document','citations':{'enabled':true},'source':{"
           "'type':'text','data':'x'}}]}"),
         FAULT_UNSUPPORTED,                                                                                           "messages[0].content[0]"            },
        {M(U ",{'role':'assistant','content':[{'type':'server_tool_use','id':'a','name':"
             "'web_search','input':{}}]}"),
         FAULT_UNSUPPORTED,                                                                                           "messages[1].content[0].type"       },
        {M("{'role':'user','content':[{'type':'search_result','content':[{'type':'text','text':'x'}"
           "]"
           "}]}"),
         FAULT_UNSUPPORTED,                                                                                           "messages[0].content[0].type"       },
    };

    (void)state;
    check_refused(&to_openai, &options, table, ARRAY_LEN(table));
}

static void what_is_wrong_is_named(void **state)
{
    static const struct refused table[] = {
        {M("{'role':'robot','content':'a'}"),                                                        FAULT_INVALID_VALUE,  "messages[0].role"                        },
        {M("{'content':'a'}"),                                                                       FAULT_MISSING_MEMBER, "messages[0].role"                        },
        {M("{'role':'user','content':7}"),                                                           FAULT_WRONG_TYPE,     "messages[0].content"                     },
        {M("{'role':'user','content':[{'text':'a'}]}"),                                              FAULT_MISSING_MEMBER,
         "messages[0].content[0].type"                                                                                                                               },
        {M("{'role':'user','content':[{'type':'text'}]}"),                                           FAULT_MISSING_MEMBER,
         "messages[0].content[0].text"                                                                                                                               },
        {M("{'role':'user','content':[{'type':'text','text':'a','text':'b'}]}"),
         FAULT_DUPLICATE_MEMBER,                                                                                           "messages[0].content[0].text"             },
        {M("{'role':'user','content':[{'type':'image'}]}"),                                          FAULT_MISSING_MEMBER,
         "messages[0].content[0].source"                                                                                                                             },
        {M("{'role':'user','content':[{'type':'image','source':{}}]}"),                              FAULT_MISSING_MEMBER,
         "messages[0].content[0].source.type"                                                                                                                        },
        {M("{'role':'user','content':[{'type':'image','source':{'type':'base64','data':''}}]}"),
         FAULT_MISSING_MEMBER,                                                                                             "messages[0].content[0].source.media_type"},
        {M("{'role':'user','content':[{'type':'image','source':{'type':'base64','media_type':'x'}}]"
           "}"),
         FAULT_MISSING_MEMBER,                                                                                             "messages[0].content[0].source.data"      },
        {M("{'role':'user','content':[{'type':'image','source':{'type':'url'}}]}"),
         FAULT_MISSING_MEMBER,                                                                                             "messages[0].content[0].source.url"       },
        {M("{'role':'user','content':[{'type':'tool_use','id':'a','name':'f','input':{}}]}"),
         FAULT_INVALID_VALUE,                                                                                              "messages[0].content[0]"                  },
        {M("{'role':'assistant','content':[{'type':'tool_result','tool_use_id':'a'}]}"),
         FAULT_INVALID_VALUE,                                                                                              "messages[0].content[0]"                  },
        {M("{'role':'user','content':[{'type':'tool_result','tool_use_id':'a','content':[{'type':"
           "'thinking','thinking':'x'}]}]}"),
         FAULT_INVALID_VALUE,                                                                                              "messages[0].content[0].content[0]"       },
        {M("{'role':'user','content':[{'type':'tool_result'}]}"),                                    FAULT_MISSING_MEMBER,
         "messages[0].content[0].tool_use_id"                                                                                                                        },
        {M("{'role':'assistant','content':[{'type':'tool_use','name':'f'}]}"),                       FAULT_MISSING_MEMBER,
         "messages[0].content[0].id"                                                                                                                                 },
        {M("{'role':'assistant','content':[{'type':'tool_use','id':'a'}]}"),                         FAULT_MISSING_MEMBER,
         "messages[0].content[0].name"                                                                                                                               },
        {M("{'role':'assistant','content':[{'type':'tool_use','id':'a','name':'f','input':'{}'}]}"),
         FAULT_WRONG_TYPE,                                                                                                 "messages[0].content[0].input"            },
        {M("{'role':'assistant','content':[{'type':'thinking'}]}"),                                  FAULT_MISSING_MEMBER,
         "messages[0].content[0].thinking"                                                                                                                           },
        {M("{'role':'assistant','content':[{'type':'redacted_thinking'}]}"),                         FAULT_MISSING_MEMBER,
         "messages[0].content[0].data"                                                                                                                               },
        {WITH("'system':[{'type':'image','source':{'type':'url','url':'x'}}]"),                      FAULT_INVALID_VALUE,
         "system[0]"                                                                                                                                                 },
        {WITH("'tools':[{}]"),                                                                       FAULT_MISSING_MEMBER, "tools[0].name"                           },
        {WITH("'tools':[" TOOL "],'tool_choice':'auto'"),                                            FAULT_WRONG_TYPE,     "tool_choice"                             },
        {WITH("'tools':[" TOOL "],'tool_choice':{}"),                                                FAULT_MISSING_MEMBER, "tool_choice.type"                        },
        {WITH("'tools':[" TOOL "],'tool_choice':{'type':'tool'}"),                                   FAULT_MISSING_MEMBER,
         "tool_choice.name"                                                                                                                                          },
        {WITH("'tools':[" TOOL "],'tool_choice':{'type':'x'}"),                                      FAULT_INVALID_VALUE,
         "tool_choice.type"                                                                                                                                          },
        {WITH("'tool_choice':{'type':'any'}"),                                                       FAULT_INVALID_VALUE,  "tool_choice"                             },
        {WITH("'output_config':{'effort':'huge'}"),                                                  FAULT_INVALID_VALUE,  "output_config.effort"                    },
        {WITH("'output_format':{}"),                                                                 FAULT_MISSING_MEMBER, "output_format.type"                      },
        {WITH("'output_format':{'type':'json_schema'}"),                                             FAULT_MISSING_MEMBER,
         "output_format.schema"                                                                                                                                      },
        {WITH("'stop_sequences':'x'"),                                                               FAULT_WRONG_TYPE,     "stop_sequences"                          },
        {WITH("'metadata':{'user_id':7}"),                                                           FAULT_WRONG_TYPE,     "metadata.user_id"                        },
        {WITH("'thinking':{'type':'enabled','budget_tokens':'x'}"),                                  FAULT_WRONG_TYPE,
         "thinking.budget_tokens"                                                                                                                                    },
    };

    (void)state;
    check_refused(&to_openai, &options, table, ARRAY_LEN(table));
}

#define EVERYTHING                                                                                 \
    "{'model':'m','system':[{'type':'text','text':'s'}],'max_tokens':9,'messages':[{'role':'user'" \
    ","                                                                                            \
    "'content':[{'type':'text','text':'a\\n'},{'type':'image','source':{'type':'base64',"          \
    "'media_type':'image/png','data':'AA'}},{'type':'document','context':'c','source':{'type':"    \
    "'text','data':'x'}}]},{'role':'assistant','content':[{'type':'thinking','thinking':'t',"      \
    "'signature':'s'}," USE("a", "{'x':[1]}") "]},{'role':'user','content':[" RESULT(              \
        "a", "[{'type':'text','text':'x'}]") "]}],'tools':[" TOOL "],'tool_choice':{'type':"       \
                                             "'tool','name':'f'},'stop_sequences':['x'],'output_"  \
                                             "config':{'format':{'type':'json_schema',"            \
                                             "'schema':{}}},'metadata':{'user_id':'u'},'other':{'" \
                                             "a':[1]}}"

static void cut_anywhere_it_is_refused(void **state)
{
    (void)state;
    check_cut(&to_openai, &options, EVERYTHING);
}

static void memory_may_run_out_anywhere(void **state)
{
    (void)state;
    check_out_of_memory(&to_openai, &options, EVERYTHING, true);
    check_out_of_memory(&to_openai, &options, WITH("'container':'c'"), false);
    check_out_of_memory(&to_openai, &options, M("{'role':'user','content':[{}]}"), false);
}

/* As deep as a text may be nested. */
static void deep_content_is_refused(void **state)
{
    static char body[32 * 1024];
    const char *const parts[] = {"{'type':'tool_result','tool_use_id':'a','content':[", "]}"};
    size_t n = 0;

    (void)state;
    n +=
        (size_t)snprintf(body, sizeof(body), "{'model':'m','messages':[{'role':'user','content':[");
    for (unsigned half = 0; half < 2; half++)
        for (unsigned i = 0; i < 250; i++)
            n += (size_t)snprintf(body + n, sizeof(body) - n, "%s", parts[half]);
    snprintf(body + n, sizeof(body) - n, "]}]}");

    struct slice from = quoted(body), to;
    struct arena arena;
    struct fault fault;
    arena_init(&arena, 0);
    assert_false(translate(&to_openai, from, &options, &arena, &to, &fault));
    assert_int_equal(fault.kind, FAULT_INVALID_VALUE);
    assert_true(slice_starts(fault.param, SLICE("messages[0].content[0].content[0].content[0]")));
    arena_clear(&arena);
    free((char *)from.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(system_is_the_first_message),
        cmocka_unit_test(users_say_text_images_and_documents),
        cmocka_unit_test(tools_are_called_and_answer),
        cmocka_unit_test(reasoning_goes_to_those_who_know_it),
        cmocka_unit_test(tools_and_choices),
        cmocka_unit_test(parameters_of_the_answer),
        cmocka_unit_test(models_that_want_it_otherwise),
        cmocka_unit_test(a_result_marked_for_the_cache_makes_no_message_of_its_own),
        cmocka_unit_test(what_cannot_be_said_is_named),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(cut_anywhere_it_is_refused),
        cmocka_unit_test(memory_may_run_out_anywhere),
        cmocka_unit_test(deep_content_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
